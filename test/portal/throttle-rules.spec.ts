import {
  ADDRESS,
  CROWD,
  judge,
  PAIR,
  PAIR_OF_CROWDED,
  type Rule,
  type Tries,
} from '../../src/portal/throttle/throttle-rules';
import { addressKey } from '../../src/portal/throttle/throttle.service';
import { returnPath } from '../../src/portal/page/return-path';
import { passwordFault } from '../../src/portal/profile/new-password';

/** How long each of so many tries in a row has to wait, when each waits as long as it is told. */
function waits(rule: Rule, count: number, now = 1_000_000): number[] {
  let tries: Tries | null = null;
  return Array.from({ length: count }, () => {
    let verdict = judge(tries, rule, now);
    const waited = verdict.waitMs;
    now += waited;
    if (waited > 0) verdict = judge(tries, rule, now);
    expect(verdict.waitMs).toBe(0);
    tries = verdict.tries;
    return waited;
  });
}

test('five tries are free, then the wait doubles, up to a quarter of an hour', () => {
  expect(waits(PAIR, 17).map((ms) => ms / 1000)).toEqual([
    0, 0, 0, 0, 0, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900,
  ]);
});

test('of a crowded e-mail the first try of an address is free, so a good password gets in', () => {
  expect(waits(PAIR_OF_CROWDED, 4).map((ms) => ms / 1000)).toEqual([0, 2, 4, 8]);
});

test('an address that used up its tries waits for the rest of its window, and begins anew then', () => {
  const all = waits(ADDRESS, 31);
  expect(all.slice(0, 30)).toEqual(Array.from({ length: 30 }, () => 0));
  expect(all[30]).toBe(ADDRESS.windowMs);
});

test('a refused try changes nothing: hammering does not lengthen the wait', () => {
  const blocked: Tries = { count: 5, since: 0, blockedTill: 5000 };
  expect(judge(blocked, PAIR, 1000)).toEqual({ waitMs: 4000, tries: blocked });
});

test('what is long ago is forgotten', () => {
  const old: Tries = { count: 500, since: 0, blockedTill: 10 };
  expect(judge(old, CROWD, CROWD.windowMs)).toMatchObject({ waitMs: 0, tries: { count: 1 } });
});

test.each([
  ['192.0.2.7', '192.0.2.7'],
  ['::ffff:192.0.2.7', '192.0.2.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
  ['2001:db8:1:2::9', '2001:db8:1:2'],
  ['2001:db8::9', '2001:db8:0:0'],
  ['fe80::1%eth0', 'fe80:0:0:0'],
  ['::1', '0:0:0:0'],
  ['', ''],
])('whoever has %s counts as %s', (address, key) => {
  expect(addressKey(address)).toBe(key);
});

test.each([
  ['/portal', '/portal'],
  ['/portal/users', '/portal/users'],
  ['/portal?a=b&c=%0d', '/portal?a=b&c=%0d'],
  ['/portal/..', '/portal'],
  ['/portal/../portal/users', '/portal/users'],
  ['https://evil.example/portal', '/portal'],
  [undefined, '/portal'],
  [['/portal/users'], '/portal'],
])('%j leads back to %s', (asked, path) => {
  expect(returnPath(asked)).toBe(path);
});

test.each([
  ['short', /at least 12/],
  ['x'.repeat(201), /at most 200/],
  ['aaaaaaaabbbb', /easy to guess/],
  ['somebody@example.com', /e-mail/],
  ['somebody12345', /e-mail/],
  ['a few plain words', null],
])('the password %.20j', (password, fault) => {
  const found = passwordFault(password, 'somebody@example.com');
  if (fault === null) expect(found).toBeNull();
  else expect(found).toMatch(fault);
});
