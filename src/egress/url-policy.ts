import { isIP } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import type { AddressPolicy } from './address-policy';
import { type Resolve, systemResolve } from './resolve';

const MAX_URL_LENGTH = 2048;
/** Whoever saves a URL waits no longer for its name; the connection is judged in any case. */
const RESOLVE_TIMEOUT_MS = 5000;

/** The one sentence for every refused address, so that it tells nothing about what a name resolves to. */
export const UNREACHABLE = 'This address is not reachable from the gateway';
const UNRESOLVED = 'The name in this URL does not resolve at the moment; deliveries fail until it does';

/** `refusal` is a sentence for the tenant. */
export interface TargetRefusal {
  refusal: string;
}

export interface TargetCheckOptions {
  policy: AddressPolicy;
  resolve?: Resolve;
  resolveTimeoutMs?: number;
}

/** What checking a target's addresses came to; `warning` and `refusal` are sentences for the tenant. */
export type TargetCheck =
  { verdict: 'allowed' } | { verdict: 'unresolved'; warning: string } | { verdict: 'refused'; refusal: string };

/**
 * Checks all of a webhook URL but its addresses. Save the `href` of what it returns, not the text: it is canonical
 * (`0x7f.1` has become `127.0.0.1`), without a fragment and without the dot that may end a host name.
 */
export function parseTarget(text: string, { development }: { development: boolean }): URL | TargetRefusal {
  const trimmed = text.trim();
  // The parser would silently drop tabs and line breaks from the middle.
  if (/[\s\p{Cc}]/u.test(trimmed) || !URL.canParse(trimmed)) return { refusal: 'This is not a valid URL' };
  const url = new URL(trimmed);
  url.hash = '';

  if (!schemeAllowed(url.protocol, development)) {
    return { refusal: `The URL must begin with https://${development ? ' or http://' : ''}` };
  }
  if (url.username !== '' || url.password !== '') {
    return { refusal: 'The URL must not contain a user name or a password' };
  }
  // One dot at the end means the same name, but neither certificates nor virtual hosts know it.
  if (url.hostname.endsWith('.')) url.hostname = url.hostname.slice(0, -1);
  if (url.hostname === '' || url.hostname.split('.').includes('')) return { refusal: 'This is not a valid URL' };
  if (!portAllowed(url, development)) return { refusal: 'The port must be 443, or from 1024 to 65535' };
  if (trimmed.length > MAX_URL_LENGTH || url.href.length > MAX_URL_LENGTH) {
    return { refusal: `The URL must not be longer than ${MAX_URL_LENGTH} characters` };
  }
  return url;
}

/** Judges every address behind the URL. Its outcome holds for this moment only: the agent judges again on connecting. */
export async function checkTarget(url: URL, by: TargetCheckOptions): Promise<TargetCheck> {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const addresses = isIP(host) === 0 ? await addressesOf(host, by) : [host];
  if (addresses.length === 0) return { verdict: 'unresolved', warning: UNRESOLVED };
  return by.policy.judgeAll(addresses) === 'allowed'
    ? { verdict: 'allowed' }
    : { verdict: 'refused', refusal: UNREACHABLE };
}

/** `protocol` with its colon; `port` empty for the scheme's own. */
export function portAllowed({ protocol, port }: { protocol: string; port: string }, development: boolean): boolean {
  const number = Number(port || (protocol === 'https:' ? 443 : 80));
  return number > 0 && (development || number === 443 || number >= 1024);
}

export function schemeAllowed(protocol: string, development: boolean): boolean {
  return protocol === 'https:' || (development && protocol === 'http:');
}

async function addressesOf(
  host: string,
  { resolve = systemResolve, resolveTimeoutMs = RESOLVE_TIMEOUT_MS }: TargetCheckOptions,
): Promise<string[]> {
  const timer = new AbortController();
  try {
    return await Promise.race([resolve(host), setTimeout(resolveTimeoutMs, [], { signal: timer.signal })]);
  } catch {
    return [];
  } finally {
    timer.abort();
  }
}
