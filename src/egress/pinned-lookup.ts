import type { LookupAddress, LookupOptions } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import type { AddressPolicy } from './address-policy';
import type { Resolve } from './resolve';
import { UNREACHABLE } from './url-policy';

/** A connection that was not opened because of where it would have led. Its message is fit for the tenant. */
export class AddressRefused extends Error {
  readonly code = 'address_refused';

  constructor() {
    super(UNREACHABLE);
    this.name = 'AddressRefused';
  }
}

/**
 * The `lookup` of a socket, which connects to the very addresses that were judged: a name that answers otherwise a
 * moment later gains nothing. Fails with {@link AddressRefused} when any address is refused.
 *
 * Node does not call it for a host that is an address already; whoever opens the socket judges those.
 */
export function pinnedLookup(policy: AddressPolicy, resolve: Resolve): LookupFunction {
  return (host, options, callback) => {
    judgedAddresses(host, policy, resolve).then(
      (judged) => {
        const addresses = ofFamily(judged, options.family);
        const [first] = addresses;
        if (!first) callback(notFound(host), '');
        else if (options.all) callback(null, addresses);
        else callback(null, first.address, first.family);
      },
      (error: unknown) => {
        callback(error as NodeJS.ErrnoException, '');
      },
    );
  };
}

async function judgedAddresses(host: string, policy: AddressPolicy, resolve: Resolve): Promise<LookupAddress[]> {
  const addresses = await resolve(host);
  if (policy.judgeAll(addresses) === 'refused') throw new AddressRefused();
  return addresses.map((address) => ({ address, family: isIP(address) }));
}

function ofFamily(addresses: LookupAddress[], family: LookupOptions['family']): LookupAddress[] {
  const wanted = family === 'IPv4' ? 4 : family === 'IPv6' ? 6 : family;
  return wanted ? addresses.filter((a) => a.family === wanted) : addresses;
}

function notFound(host: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${host} has no address`), { code: 'ENOTFOUND' });
}
