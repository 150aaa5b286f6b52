import { performance } from 'node:perf_hooks';
import { Passwords } from '../../src/accounts/passwords.service';
import { Database, statement } from '../../src/database/database';
import { makeAccount, startGateway, type Gateway } from '../support/gateway';
import { makePortalUser, PASSWORD, PortalClient } from '../support/portal';

const EMAIL = 'ann@acme.example';

let gateway: Gateway;
let addresses = 0;

beforeAll(async () => {
  gateway = await startGateway({ env: { TRUST_PROXY: '1' } });
  await makeAccount(gateway, 'acme', null);
  await makePortalUser(gateway, 'acme', EMAIL);
  // Every wait lasts an hour longer, so that none of seconds is over before a slow machine tries again.
  const lengthen = "'begin new.blocked_till = new.blocked_till + interval ''1 hour''; return new; end'";
  for (const text of [
    `create function lengthen_wait() returns trigger language plpgsql as ${lengthen}`,
    'create trigger lengthen_wait before update on portal_throttle for each row execute function lengthen_wait()',
  ]) {
    await gateway.app.get(Database).query(statement('', text));
  }
});
beforeEach(() => gateway.app.get(Database).query(statement('', 'delete from portal_throttle')));
afterAll(() => gateway.close());

const from = (address = `198.51.100.${++addresses}`) => new PortalClient(gateway.origin, address);

test('whoever guesses at an e-mail waits longer and longer, also with the right password', async () => {
  const guesser = from('192.0.2.1');
  for (let tries = 0; tries < 5; tries++) expect((await guesser.signIn(EMAIL, 'a guess')).status).toBe(422);
  const refused = await guesser.signIn(EMAIL);
  expect(refused.status).toBe(429);
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(refused.text).toContain('Too many tries');
  expect(refused.text).toContain(`value="${EMAIL}"`);
});

test('nobody is locked out by it: from elsewhere the right password gets in at once, however many guess', async () => {
  for (let place = 0; place < 26; place++) {
    const guesser = from();
    await Promise.all(Array.from({ length: 4 }, () => guesser.signIn(EMAIL, 'a guess')));
  }
  // Crowded by now: a second guess of a new address waits, the first good password does not.
  const another = from();
  expect((await another.signIn(EMAIL, 'a guess')).status).toBe(422);
  expect((await another.signIn(EMAIL, 'a guess')).status).toBe(429);
  expect((await from().signIn(EMAIL)).status).toBe(303);
});

test('parallel guesses do not slip through together', async () => {
  const guesser = from();
  const answers = await Promise.all(Array.from({ length: 12 }, () => guesser.signIn(EMAIL, 'a guess')));
  expect(answers.filter(({ status }) => status === 422)).toHaveLength(5);
  expect(answers.filter(({ status }) => status === 429)).toHaveLength(7);
});

test('an address that tries many e-mails is stopped; one whose people sign in well is not', async () => {
  const guesser = from();
  const statuses: number[] = [];
  for (let n = 0; n < 31; n++) statuses.push((await guesser.signIn(`somebody-${n}@acme.example`, 'a guess')).status);
  expect(statuses.slice(0, 30).every((status) => status === 422)).toBe(true);
  expect(statuses[30]).toBe(429);
  const office = '192.0.2.200';
  for (let n = 0; n < 35; n++) expect((await from(office).signIn(EMAIL)).status).toBe(303);
});

test('the password that is asked for again is guarded the same way', async () => {
  const thief = from();
  await thief.signIn(EMAIL);
  const show = '/portal/configuration/secrets/incoming/show';
  const statuses: number[] = [];
  for (let n = 0; n < 6; n++) statuses.push((await thief.post(show, { password: 'a guess' }, show)).status);
  expect(statuses).toEqual([422, 422, 422, 422, 422, 429]);
});

test('an e-mail that nobody has is answered with the same words, after the same time', async () => {
  const timed = async (email: string): Promise<{ text: string; ms: number }> => {
    const client = from();
    await client.get('/portal/sign-in');
    const startedAt = performance.now();
    const { text } = await client.signIn(email, 'a guess');
    const ms = performance.now() - startedAt;
    return { text: text.replaceAll(email, 'E-MAIL').replace(/value="[\w-]{43}"/g, ''), ms };
  };
  const known: number[] = [];
  const unknown: number[] = [];
  for (let n = 0; n < 15; n++) {
    const [a, b] = [await timed(EMAIL), await timed(`nobody-${n}@acme.example`)];
    expect(a.text).toBe(b.text);
    known.push(a.ms);
    unknown.push(b.ms);
  }
  // Without the hash of nobody the second is a tenth of the first. The calmest of each: a busy machine only adds to it.
  const ratio = Math.min(...unknown) / Math.min(...known);
  expect(ratio).toBeGreaterThan(0.5);
  expect(ratio).toBeLessThan(2);
});

test('passwords are hashed beside the event loop, and a flood of sign-ins is refused instead of queued', async () => {
  const passwords = gateway.app.get(Passwords);
  await passwords.hash('warm');
  const before = performance.eventLoopUtilization();
  const hashes = await Promise.all(Array.from({ length: 10 }, () => passwords.hash(PASSWORD)));
  // On the loop itself this would be 1.
  expect(performance.eventLoopUtilization(before).utilization).toBeLessThan(0.8);
  expect(new Set(hashes).size).toBe(10);
  const flood = await Promise.allSettled(Array.from({ length: 40 }, () => passwords.verify('a guess', null)));
  const refused = flood.filter((result) => result.status === 'rejected');
  expect(refused).toHaveLength(16);
  expect(refused[0]).toMatchObject({ reason: { kind: 'unavailable', retryAfter: 5 } });
  expect(await passwords.verify(PASSWORD, hashes[0]!)).toBe(true);
});
