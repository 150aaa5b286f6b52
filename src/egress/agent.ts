import { isIP } from 'node:net';
import { Agent, buildConnector } from 'undici';
import type { AddressPolicy } from './address-policy';
import { AddressRefused, pinnedLookup } from './pinned-lookup';
import { coalesced, type Resolve, systemResolve } from './resolve';
import { portAllowed, schemeAllowed } from './url-policy';

/** Idle sockets are kept 4 s, and never longer than this even when the receiver asks for more. */
const KEEP_ALIVE_MAX_MS = 60_000;
/**
 * A socket that is never idle would otherwise outlive every change of its name's addresses. By number, not by time:
 * undici 7's `clientTtl` leaves requests hanging once all sockets of an origin are over age (its issue 5144).
 */
const MAX_REQUESTS_PER_SOCKET = 500;
const MAX_RESPONSE_HEADER_BYTES = 16_384;

export interface EgressOptions {
  policy: AddressPolicy;
  /** Whether plain HTTP and all ports are allowed. */
  development: boolean;
  /**
   * Sockets per origin (scheme, host and port); null: as many as there are requests in flight. Accounts may share an
   * origin, and with a number here the slow receiver of one would keep the requests of the others waiting.
   */
  connections: number | null;
  /** Bounds resolving, connecting and the TLS handshake together. */
  connectTimeoutMs: number;
  resolve?: Resolve;
}

/**
 * The dispatcher of all outgoing webhooks: `request(url, { dispatcher: agent, … })`. Every socket it opens goes to a
 * judged address by an allowed scheme and port, or the request fails with `AddressRefused`. Redirects are not followed,
 * and no interceptor that does may be composed onto it without the URL policy being asked again.
 */
export function egressAgent(options: EgressOptions): Agent {
  const { policy, connections, connectTimeoutMs, resolve = systemResolve } = options;
  const connect = buildConnector({
    lookup: pinnedLookup(policy, coalesced(resolve)),
    timeout: connectTimeoutMs,
    allowH2: false,
    // Said outright, so that NODE_TLS_REJECT_UNAUTHORIZED=0 in the environment does not switch it off.
    rejectUnauthorized: true,
  });
  return new Agent({
    connect: judgingTarget(options, connect),
    connections,
    maxRequestsPerClient: MAX_REQUESTS_PER_SOCKET,
    keepAliveMaxTimeout: KEEP_ALIVE_MAX_MS,
    maxHeaderSize: MAX_RESPONSE_HEADER_BYTES,
    allowH2: false,
    pipelining: 1,
  });
}

/** Scheme and port once more, as the rules may have changed since the URL was saved; and what no lookup is asked about. */
function judgingTarget(
  { policy, development }: EgressOptions,
  connect: buildConnector.connector,
): buildConnector.connector {
  return (target, callback) => {
    const refused =
      !schemeAllowed(target.protocol, development) ||
      !portAllowed(target, development) ||
      (isIP(target.hostname) !== 0 && policy.judge(target.hostname) === 'refused');
    if (refused) process.nextTick(callback, new AddressRefused(), null);
    else connect(target, callback);
  };
}
