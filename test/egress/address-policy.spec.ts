import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { BlockList } from 'node:net';
import { InvalidEnv } from '../../src/config/env';
import { AddressPolicy } from '../../src/egress/address-policy';
import { contains, METADATA_RANGES, SPECIAL_RANGES } from '../../src/egress/address-table';

const EVERYTHING = ['0.0.0.0/0', '::/0'];
const closed = new AddressPolicy([]);
const wideOpen = new AddressPolicy(EVERYTHING);

describe('the address table', () => {
  it('puts a narrower range before the wider one that contains it', () => {
    const ranges = SPECIAL_RANGES.map(([cidr]) => ipaddr.parseCIDR(cidr));
    const hidden = ranges.filter((range, i) =>
      ranges.slice(0, i).some((earlier) => contains(earlier, range[0]) && earlier[1] <= range[1]),
    );
    expect(hidden.map(String)).toEqual([]);
  });

  it('writes every range with its first address', () => {
    for (const [cidr] of [...SPECIAL_RANGES, ...METADATA_RANGES]) {
      const [address, bits] = ipaddr.parseCIDR(cidr);
      const network = (address.kind() === 'ipv4' ? ipaddr.IPv4 : ipaddr.IPv6).networkAddressFromCIDR(cidr);
      expect(`${network.toString()}/${bits}`).toBe(`${address.toString()}/${bits}`);
    }
  });

  it.each(SPECIAL_RANGES)('refuses the first and the last address of %s, %s', (cidr) => {
    const family = cidr.includes(':') ? ipaddr.IPv6 : ipaddr.IPv4;
    const edges = [family.networkAddressFromCIDR(cidr), family.broadcastAddressFromCIDR(cidr)];
    expect(edges.map((edge) => closed.judge(edge.toString()))).toEqual(['refused', 'refused']);
  });

  it.each(SPECIAL_RANGES)(
    'an allow-list of everything opens %s (%s, %s) only if it is private: %s',
    (cidr, _n, _s, kind) => {
      const [address] = ipaddr.parseCIDR(cidr);
      expect(wideOpen.judge(address.toString())).toBe(kind === 'private' ? 'allowed' : 'refused');
    },
  );
});

describe('for any address', () => {
  const rows = [...SPECIAL_RANGES, ...METADATA_RANGES].map(([cidr]) => cidr).filter((cidr) => cidr !== '::ffff:0:0/96');
  const nearRow = fc.tuple(fc.constantFrom(...rows), fc.infiniteStream(fc.nat(255))).map(([cidr, noise]) => {
    const [address, bits] = ipaddr.parseCIDR(cidr);
    const bytes = address.toByteArray().map((byte, i) => (i * 8 >= bits ? (noise.next().value ?? 0) : byte));
    return ipaddr.fromByteArray(bytes).toString();
  });

  it('agrees with net.BlockList over the same rows, mapped addresses aside', () => {
    // One list each: a BlockList holds IPv4 addresses against `::/3` as well.
    const listed = { ipv4: new BlockList(), ipv6: new BlockList() };
    for (const cidr of rows) {
      const [address, bits] = cidr.split('/') as [string, string];
      listed[family(address)].addSubnet(address, Number(bits), family(address));
    }
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), nearRow), (ip) => {
        fc.pre(!/^(0*:)+ffff:[^:]+(:[^:]+)?$/i.test(ip));
        return (closed.judge(ip) === 'refused') === listed[family(ip)].check(ip, family(ip));
      }),
      { numRuns: 5000 },
    );
  });

  it('judges a mapped address as the IPv4 address inside', () => {
    fc.assert(
      fc.property(fc.ipV4(), (ip) => {
        const hex = ipaddr.IPv4.parse(ip).toIPv4MappedAddress().toString();
        return closed.judge(`::ffff:${ip}`) === closed.judge(ip) && closed.judge(hex) === closed.judge(ip);
      }),
    );
  });
});

describe('AddressPolicy', () => {
  it.each([
    '1.1.1.1',
    '8.8.8.8',
    '93.184.216.34',
    '100.63.255.255',
    '100.128.0.0',
    '172.15.255.255',
    '172.32.0.0',
    '192.0.1.1',
    '192.167.255.255',
    '223.255.255.255',
    '168.63.129.15',
    '2001:200::1',
    '2001:4860:4860::8888',
    '2606:4700:4700::1111',
    '2a00:1450:4001:80b::200e',
    '3ffd::1',
    '::ffff:8.8.8.8',
    '::ffff:808:808',
  ])('allows %s', (ip) => expect(closed.judge(ip)).toBe('allowed'));

  it.each([
    '127.0.0.1',
    '127.255.255.254',
    '0.0.0.0',
    '10.0.0.1',
    '172.16.0.1',
    '192.168.1.1',
    '100.64.0.1',
    '169.254.1.1',
    '224.0.0.1',
    '239.255.255.255',
    '240.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '0:0:0:0:0:0:0:1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '::ffff:10.1.2.3',
    '::ffff:169.254.169.254',
    '::127.0.0.1',
    '::8.8.8.8',
    '::ffff:0:8.8.8.8',
    '64:ff9b::7f00:1',
    '64:ff9b::8.8.8.8',
    '64:ff9b:1::1',
    '2002:7f00:1::',
    '2002:808:808::1',
    '2001:0:4136:e378:8000:63bf:3fff:fdd2',
    '100::1',
    '100:0:0:1::1',
    '2001:db8::1',
    '3fff::1',
    '5f00::1',
    'fc00::1',
    'fd12:3456::1',
    'fe80::1',
    'fe80::1%eth0',
    'fec0::1',
    'ff02::1',
    '1::1',
    '4000::1',
    'e000::1',
    '',
    'localhost',
    '127.1',
    '0177.0.0.1',
    '0x7f.1',
    '2130706433',
    '8.8.8.8:80',
    ' 8.8.8.8',
    '8.8.8.8/32',
    '[2606:4700::1]',
  ])('refuses %j', (ip) => expect(closed.judge(ip)).toBe('refused'));

  it.each([
    [['10.0.0.0/8'], '10.255.0.1', 'allowed'],
    [['10.0.0.0/8'], '::ffff:10.255.0.1', 'allowed'],
    [['10.0.0.0/8'], '11.0.0.1', 'allowed'],
    [['10.0.0.0/8'], '192.168.0.1', 'refused'],
    [['10.0.0.0/8'], '64:ff9b::a00:1', 'refused'],
    [['10.1.0.0/16'], '10.2.0.1', 'refused'],
    [['10.1.2.3/32'], '10.1.2.3', 'allowed'],
    [['fd00::/8'], 'fd12::1', 'allowed'],
    [['fd00::/8'], '10.0.0.1', 'refused'],
    [['169.254.0.0/16'], '169.254.171.9', 'allowed'],
    [['127.0.0.0/8', '::1/128'], '127.0.0.1', 'allowed'],
    [['127.0.0.0/8', '::1/128'], '::1', 'allowed'],
    [['127.0.0.0/8', '::1/128'], '0.0.0.0', 'refused'],
    [['127.0.0.0/8', '::1/128'], '10.0.0.1', 'refused'],
    [['64:ff9b::/96'], '64:ff9b::a9fe:a9fe', 'refused'],
    [['224.0.0.0/4'], '224.0.0.1', 'refused'],
  ])('with %j open, %s is %s', (ranges, ip, verdict) => {
    expect(new AddressPolicy(ranges).judge(ip)).toBe(verdict);
  });

  const metadata = [
    '169.254.169.254',
    '::ffff:169.254.169.254',
    '::ffff:a9fe:a9fe',
    '169.254.170.2',
    '168.63.129.16',
    '100.100.100.200',
    '192.0.0.192',
    'fd00:ec2::254',
    'fd20:ce::254',
    'fe80::a9fe:a9fe',
    'fe80::a9fe:a9fe%eth0',
  ];
  it.each(metadata)('never opens the metadata address %s', (ip) => {
    const itself = ip.includes('%') || ip.startsWith('::ffff') ? [] : [`${ip}/${ip.includes(':') ? 128 : 32}`];
    const named = new AddressPolicy([...EVERYTHING, '169.254.0.0/16', '10.0.0.0/8', 'fd00::/8', ...itself]);
    expect([closed.judge(ip), named.judge(ip)]).toEqual(['refused', 'refused']);
  });

  it.each([
    '10.0.0.0',
    '10.0.0.0/33',
    '10/8',
    '0x0a.0.0.0/8',
    'fd00::/129',
    'fd00::/',
    '/8',
    'private',
    '10.0.0.0/8/8',
    '10.0.0.0/-1',
  ])('does not start with the range %j, and names the setting', (range) => {
    expect(() => new AddressPolicy(['127.0.0.0/8', range])).toThrow(InvalidEnv);
    expect(() => new AddressPolicy(['127.0.0.0/8', range])).toThrow(/DELIVERY_ALLOWED_PRIVATE_RANGES.*not /);
  });

  it.each([
    [['8.8.8.8', '1.1.1.1'], 'allowed'],
    [['8.8.8.8', '127.0.0.1'], 'refused'],
    [['fe80::1', '8.8.8.8'], 'refused'],
  ])('judges %j together as %s', (ips, verdict) => expect(closed.judgeAll(ips)).toBe(verdict));
});

function family(ip: string): 'ipv4' | 'ipv6' {
  return ip.includes(':') ? 'ipv6' : 'ipv4';
}
