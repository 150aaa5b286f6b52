import ipaddr from 'ipaddr.js';
import { isIP } from 'node:net';

type Address = ipaddr.IPv4 | ipaddr.IPv6;
export type Range = [Address, number];

/** `private`: somebody's own network, which an allow-list can open. `special`: nothing can open it. */
type Kind = 'private' | 'special';
type Row = readonly [cidr: string, name: string, source: string, kind: Kind];

/**
 * Addresses that are not ordinary hosts of the internet: the IANA IPv4 and IPv6 special-purpose address registries as of
 * October 2025, and what those leave out (multicast, reserved and unallocated space, withdrawn blocks). A narrower
 * range stands before the wider one that contains it, as the first match counts.
 *
 * Anycast services that the registries call globally reachable (AS112, AMT, PCP, TURN) are here too: nobody receives
 * webhooks on them. Ranges that carry an IPv4 address inside an IPv6 one are `special`, so that no allow-list can lead
 * through a translator to an address that it does not name.
 */
export const SPECIAL_RANGES: readonly Row[] = [
  ['0.0.0.0/8', 'this network', 'RFC 791, RFC 1122', 'special'],
  ['10.0.0.0/8', 'private use', 'RFC 1918', 'private'],
  ['100.64.0.0/10', 'shared address space (CGNAT)', 'RFC 6598', 'private'],
  ['127.0.0.0/8', 'loopback', 'RFC 1122', 'private'],
  ['169.254.0.0/16', 'link-local', 'RFC 3927', 'private'],
  ['172.16.0.0/12', 'private use', 'RFC 1918', 'private'],
  ['192.0.0.0/29', 'IPv4 service continuity (DS-Lite)', 'RFC 7335', 'special'],
  ['192.0.0.8/32', 'IPv4 dummy address', 'RFC 7600', 'special'],
  ['192.0.0.9/32', 'port control protocol anycast', 'RFC 7723', 'special'],
  ['192.0.0.10/32', 'TURN anycast', 'RFC 8155', 'special'],
  ['192.0.0.170/31', 'NAT64/DNS64 discovery', 'RFC 7050, RFC 8880', 'special'],
  ['192.0.0.0/24', 'IETF protocol assignments', 'RFC 6890', 'special'],
  ['192.0.2.0/24', 'documentation (TEST-NET-1)', 'RFC 5737', 'special'],
  ['192.31.196.0/24', 'AS112', 'RFC 7535', 'special'],
  ['192.52.193.0/24', 'AMT', 'RFC 7450', 'special'],
  ['192.88.99.0/24', '6to4 and 6a44 relay anycast, withdrawn', 'RFC 7526, RFC 6751', 'special'],
  ['192.168.0.0/16', 'private use', 'RFC 1918', 'private'],
  ['192.175.48.0/24', 'AS112, direct delegation', 'RFC 7534', 'special'],
  ['198.18.0.0/15', 'benchmarking', 'RFC 2544', 'private'],
  ['198.51.100.0/24', 'documentation (TEST-NET-2)', 'RFC 5737', 'special'],
  ['203.0.113.0/24', 'documentation (TEST-NET-3)', 'RFC 5737', 'special'],
  ['224.0.0.0/4', 'multicast', 'RFC 5771', 'special'],
  ['255.255.255.255/32', 'limited broadcast', 'RFC 919, RFC 8190', 'special'],
  ['240.0.0.0/4', 'reserved for future use', 'RFC 1112', 'special'],

  ['::/128', 'unspecified', 'RFC 4291', 'special'],
  ['::1/128', 'loopback', 'RFC 4291', 'private'],
  ['::/96', 'IPv4-compatible, withdrawn', 'RFC 4291', 'special'],
  ['::ffff:0:0/96', 'IPv4-mapped', 'RFC 4291', 'special'],
  ['::ffff:0:0:0/96', 'IPv4-translated (SIIT)', 'RFC 2765', 'special'],
  ['64:ff9b::/96', 'NAT64, well-known prefix', 'RFC 6052', 'special'],
  ['64:ff9b:1::/48', 'NAT64, local use', 'RFC 8215', 'special'],
  ['100::/64', 'discard-only', 'RFC 6666', 'special'],
  ['100:0:0:1::/64', 'dummy prefix', 'RFC 9780', 'special'],
  ['2001::/32', 'Teredo', 'RFC 4380', 'special'],
  ['2001:1::1/128', 'port control protocol anycast', 'RFC 7723', 'special'],
  ['2001:1::2/128', 'TURN anycast', 'RFC 8155', 'special'],
  ['2001:1::3/128', 'DNS-SD service registration anycast', 'RFC 9665', 'special'],
  ['2001:2::/48', 'benchmarking', 'RFC 5180', 'private'],
  ['2001:3::/32', 'AMT', 'RFC 7450', 'special'],
  ['2001:4:112::/48', 'AS112', 'RFC 7535', 'special'],
  ['2001:10::/28', 'ORCHID, withdrawn', 'RFC 4843', 'special'],
  ['2001:20::/28', 'ORCHIDv2', 'RFC 7343', 'special'],
  ['2001:30::/28', 'drone remote ID', 'RFC 9374', 'special'],
  ['2001::/23', 'IETF protocol assignments', 'RFC 2928', 'special'],
  ['2001:db8::/32', 'documentation', 'RFC 3849', 'special'],
  ['2002::/16', '6to4', 'RFC 3056', 'special'],
  ['2620:4f:8000::/48', 'AS112, direct delegation', 'RFC 7534', 'special'],
  ['3ffe::/16', '6bone, withdrawn', 'RFC 3701', 'special'],
  ['3fff::/20', 'documentation', 'RFC 9637', 'special'],
  ['5f00::/16', 'segment routing (SRv6) identifiers', 'RFC 9602', 'special'],
  ['fc00::/7', 'unique local', 'RFC 4193', 'private'],
  ['fe80::/10', 'link-local', 'RFC 4291', 'private'],
  ['fec0::/10', 'site-local, withdrawn', 'RFC 3879', 'private'],
  ['ff00::/8', 'multicast', 'RFC 4291', 'special'],
  // What remains outside 2000::/3, the only space from which global unicast addresses are given out.
  ['::/3', 'not global unicast', 'RFC 4291', 'special'],
  ['4000::/2', 'not global unicast', 'RFC 4291', 'special'],
  ['8000::/1', 'not global unicast', 'RFC 4291', 'special'],
];

/** Where clouds hand out credentials, or let a guest talk to the host. No allow-list opens these. */
export const METADATA_RANGES: readonly (readonly [cidr: string, name: string])[] = [
  ['169.254.169.0/24', 'AWS, Google, Azure, Oracle, DigitalOcean, OpenStack, Hetzner: metadata, DNS, time'],
  ['169.254.170.0/24', 'AWS: credentials of ECS tasks and EKS pods'],
  ['169.254.0.23/32', 'Tencent Cloud'],
  ['169.254.42.42/32', 'Scaleway'],
  ['168.63.129.16/32', 'Azure WireServer; a public address, so no other row refuses it'],
  ['100.100.100.200/32', 'Alibaba Cloud'],
  ['192.0.0.192/32', 'Oracle Cloud Classic'],
  ['fd00:ec2::/64', 'AWS: metadata, DNS, time, EKS pod credentials'],
  ['fd20:ce::254/128', 'Google Cloud'],
  ['fd00:c1::a9fe:a9fe/128', 'Oracle Cloud'],
  ['fd00:42::42/128', 'Scaleway'],
  ['fe80::a9fe:a9fe/128', 'OpenStack'],
];

const special = SPECIAL_RANGES.map(([cidr, , , kind]) => ({ range: ipaddr.parseCIDR(cidr), kind }));
const metadata = METADATA_RANGES.map(([cidr]) => ipaddr.parseCIDR(cidr));

/**
 * `undefined` when the text is not exactly one address. An IPv4-mapped address comes back as its IPv4 one, since the
 * socket would go there.
 *
 * ipaddr.js rather than `net.BlockList`: that compares across families both ways (a mapped address meets the IPv6 rows,
 * and `::/3` matches all of IPv4), passes an address with a zone unseen, tells neither the row nor its kind, and knows no
 * other wrapped form (`64:ff9b::7f00:1`) either. ipaddr.js is only given canonical text, as it also takes octal,
 * hexadecimal and shortened IPv4 and reads `::8.8.8.8` as mapped; and its own `range()` is not asked, not being the whole
 * registry.
 */
export function parseAddress(text: string): Address | undefined {
  const version = isIP(text);
  if (version === 0) return undefined;
  if (version === 4) return ipaddr.IPv4.parse(text);
  const [withoutZone] = text.split('%', 1);
  const address = ipaddr.IPv6.parse(new URL(`http://[${withoutZone}]`).hostname.slice(1, -1));
  return address.isIPv4MappedAddress() ? address.toIPv4Address() : address;
}

export function contains([base, bits]: Range, address: Address): boolean {
  return base.kind() === address.kind() && address.match(base, bits);
}

/** The kind of the first row that holds the address; `undefined` for an ordinary address of the internet. */
export function specialKind(address: Address): Kind | undefined {
  return special.find(({ range }) => contains(range, address))?.kind;
}

export function isMetadata(address: Address): boolean {
  return metadata.some((range) => contains(range, address));
}
