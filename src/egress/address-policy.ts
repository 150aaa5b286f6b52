import ipaddr from 'ipaddr.js';
import { isIP } from 'node:net';
import { InvalidEnv } from '../config/env';
import { contains, isMetadata, parseAddress, type Range, specialKind } from './address-table';

export type Verdict = 'allowed' | 'refused';

/** Decides which addresses deliveries may reach. */
export class AddressPolicy {
  private readonly opened: readonly Range[];

  /**
   * @param allowedRanges CIDRs, as in `DELIVERY_ALLOWED_PRIVATE_RANGES`. They open private addresses inside them and
   *   nothing else: not metadata addresses, nor multicast, reserved or wrapped ones, however wide the range.
   * @throws {InvalidEnv} naming the setting and every entry that is not a CIDR.
   */
  constructor(allowedRanges: readonly string[]) {
    const invalid = allowedRanges.filter((range) => !isCidr(range));
    if (invalid.length > 0) {
      throw new InvalidEnv(
        invalid.map((range) => `DELIVERY_ALLOWED_PRIVATE_RANGES must be CIDRs such as 10.0.0.0/8, not ${range}`),
      );
    }
    this.opened = allowedRanges.map((range) => ipaddr.parseCIDR(range));
  }

  /** Anything that is not an address is refused. */
  judge(ip: string): Verdict {
    const address = parseAddress(ip);
    if (!address || isMetadata(address)) return 'refused';
    const kind = specialKind(address);
    if (kind === undefined) return 'allowed';
    return kind === 'private' && this.opened.some((range) => contains(range, address)) ? 'allowed' : 'refused';
  }

  /** One refused address among them refuses all: whoever answers for a name picks which one a socket gets. */
  judgeAll(ips: readonly string[]): Verdict {
    return ips.every((ip) => this.judge(ip) === 'allowed') ? 'allowed' : 'refused';
  }
}

function isCidr(text: string): boolean {
  // The first test keeps out shortened, octal and hexadecimal addresses, which ipaddr.js would take.
  return isIP(text.split('/', 1)[0] ?? '') !== 0 && ipaddr.isValidCIDR(text);
}
