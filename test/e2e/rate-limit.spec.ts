import { Client } from 'pg';
import { Database } from '../../src/database/database';
import { signatureHeader } from '../../src/signing/signature';
import { RateLimits, type Charge } from '../../src/rate-limit/rate-limits.service';
import { call, makeAccount, startGateway, type Gateway, type TestAccount } from '../support/gateway';
import { until } from '../support/until';

const LIMIT = 20;

let gateways: [Gateway, Gateway];
let slow: [Gateway, Gateway];
let database: Client;
let account: TestAccount;
let accounts = 0;

beforeAll(async () => {
  const env = { ROLE: 'api', RATE_LIMIT_PER_SECOND: String(LIMIT) };
  const first = await startGateway({ env });
  gateways = [first, await startGateway({ env, databaseUrl: first.databaseUrl })];
  const rare = { env: { ...env, RATE_LIMIT_PER_SECOND: '0.01' }, databaseUrl: first.databaseUrl };
  slow = [await startGateway(rare), await startGateway(rare)];
  database = new Client({ connectionString: first.databaseUrl });
  await database.connect();
});

beforeEach(async () => {
  account = await makeAccount(gateways[0], `account-${accounts++}`, null);
});

afterAll(async () => {
  await database.end();
  await Promise.all([...slow, gateways[1]].map((gateway) => gateway.close()));
  await gateways[0].close();
});

const read = (gateway = gateways[0], of = account) => call(gateway, of, '/v1/candidates/nobody');
const limits = (n = 0) => gateways[n]!.app.get(RateLimits);

interface Flood {
  readonly passed: number;
  readonly seconds: number;
}

/** Charges as fast as it goes until so many have passed. */
async function flood(charge: () => Promise<Charge | null>, goal: number): Promise<Flood> {
  const from = performance.now();
  let passed = 0;
  while (passed < goal) {
    if ((await charge())?.passed) passed++;
    await new Promise(setImmediate);
  }
  return { passed, seconds: (performance.now() - from) / 1000 };
}

/** Of an account of its own each: the quickest, since whatever holds a machine up for a second costs tokens. */
async function quickest(rounds: number, work: (of: TestAccount) => Promise<Flood>): Promise<Flood> {
  const all: Flood[] = [];
  for (let n = 0; n < rounds; n++) all.push(await work(await makeAccount(gateways[0], `account-${accounts++}`, null)));
  return all.reduce((best, each) => (each.seconds < best.seconds ? each : best));
}

/** Spends the one request that the slow gateways allow in a hundred seconds. */
async function drain(): Promise<void> {
  expect((await slow[0].app.get(RateLimits).charge(account.atsId))?.passed).toBe(true);
}

test('every answer of an authenticated request tells limit, remaining and reset; refusals too', async () => {
  const { status, headers } = await read();
  expect(status).toBe(404);
  expect([...headers].filter(([name]) => name.startsWith('ratelimit'))).toEqual([
    ['ratelimit-limit', String(LIMIT)],
    ['ratelimit-remaining', String(LIMIT - 1)],
    ['ratelimit-reset', '1'],
  ]);
  const invalid = await call(gateways[0], account, '/v1/candidates', { body: {} });
  expect([invalid.status, invalid.headers.get('ratelimit-limit')]).toEqual([422, String(LIMIT)]);
});

test('the request beyond the limit is 429, with Retry-After and the one error shape, and changes nothing', async () => {
  await drain();
  const body = { candidate_id: 'c-1', first_name: 'A', last_name: 'B' };
  const answer = await call(slow[0], account, '/v1/candidates', { body });
  expect([answer.status, answer.body]).toEqual([
    429,
    {
      type: 'about:blank',
      title: 'Too Many Requests',
      status: 429,
      detail: 'This account has sent too many requests; please slow down',
      request_id: expect.any(String),
    },
  ]);
  expect(answer.headers.get('content-type')).toBe('application/problem+json');
  expect(Number(answer.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
  expect(answer.headers.get('ratelimit-remaining')).toBe('0');
  expect((await database.query('select from flow where ats_id = $1', [account.atsId])).rowCount).toBe(0);
});

test('a burst of one second’s worth passes, and not more than came in meanwhile', async () => {
  // One that the limiter could not ask the database about in time is let pass, which is no burst.
  const [answers, refilled] = await until('a burst of which every request was charged', async () => {
    account = await makeAccount(gateways[0], `account-${accounts++}`, null);
    const from = performance.now();
    const all = await Promise.all(Array.from({ length: 3 * LIMIT }, () => read()));
    const seconds = (performance.now() - from) / 1000;
    return all.every(({ headers }) => headers.has('ratelimit-limit')) && ([all, seconds * LIMIT] as const);
  });
  const passed = answers.filter((a) => a.status === 404).length;
  expect(passed).toBeGreaterThanOrEqual(LIMIT);
  expect(passed).toBeLessThanOrEqual(LIMIT + refilled);
  expect(answers.filter((a) => a.status === 429)).toHaveLength(3 * LIMIT - passed);
});

test('over time an account gets its rate, from one process as from two, and neither waits for the other', async () => {
  const goal = 3 * LIMIT;
  for (const processes of [[0], [0, 1]]) {
    const { passed, seconds } = await quickest(3, async ({ atsId }) => {
      const from = performance.now();
      const each = processes.map((n) => flood(() => limits(n).charge(atsId), goal / processes.length));
      const all = await Promise.all(each);
      const flooded = {
        passed: all.reduce((sum, one) => sum + one.passed, 0),
        seconds: (performance.now() - from) / 1000,
      };
      // Each further process may hold a tenth of a burst more.
      const held = (processes.length - 1) * (LIMIT / 10);
      expect(flooded.passed).toBeLessThanOrEqual(LIMIT + LIMIT * flooded.seconds + held);
      return flooded;
    });
    // A burst and then the rate: in two seconds; half of the rate would take four.
    expect(passed).toBeGreaterThanOrEqual(LIMIT * seconds);
  }
});

test('what one process spent is gone for the other, and no other account pays for it', async () => {
  await drain();
  expect((await read(slow[1])).status).toBe(429);
  const other = await makeAccount(gateways[0], `account-${accounts++}`, null);
  expect((await read(slow[1], other)).status).toBe(404);
});

test('neither a flood nor a steady flow asks the database at every request', async () => {
  const query = jest.spyOn(gateways[0].app.get(Database), 'query');
  const { seconds } = await flood(() => limits().charge(account.atsId), 2 * LIMIT);
  expect(query.mock.calls.length).toBeLessThanOrEqual(10 + seconds * 21);
  query.mockRestore();
});

test('who is refused for its key or signature is not charged for', async () => {
  for (let n = 0; n < LIMIT * 2; n++) {
    const wrong = await call(gateways[0], { apiKey: 'nobody' }, '/v1/candidates/x');
    expect([wrong.status, wrong.headers.get('ratelimit-limit')]).toEqual([401, null]);
    expect((await webhook(account, 'wrong secret')).status).toBe(401);
  }
  expect((await read()).headers.get('ratelimit-remaining')).toBe(String(LIMIT - 1));
});

test('what needs no key is not limited', async () => {
  const response = await fetch(`${gateways[0].origin}/health/live`);
  expect([response.status, response.headers.get('ratelimit-limit')]).toEqual([200, null]);
});

function webhook(to: TestAccount, secret = to.incomingSecret, gateway = gateways[0]): Promise<Response> {
  const raw = Buffer.from(
    JSON.stringify({
      event: 'candidate.deleted',
      event_id: 'e',
      client_id: 'client-1',
      user_id: 'u',
      candidate_id: 'c',
    }),
  );
  const headers = {
    'Content-Type': 'application/json',
    'X-Webhook-Signature': signatureHeader([secret], Math.floor(Date.now() / 1000), raw),
  };
  return fetch(`${gateway.origin}/v1/webhooks/${to.atsId}`, { method: 'POST', headers, body: raw });
}

test('incoming webhooks are charged too, and the log shows that one was too many, without its payload', async () => {
  const first = await webhook(account);
  expect([first.status, first.headers.get('ratelimit-remaining')]).toEqual([202, String(LIMIT - 1)]);
  await database.query('truncate rate_bucket');
  await drain();
  expect((await webhook(account, account.incomingSecret, slow[0])).status).toBe(429);
  const logged = await until('the log entry', async () => {
    const { rows } = await database.query<{ payload: string | null; outcome: string }>(
      'select payload, outcome from delivery_attempt where ats_id = $1 and status_code = 429',
      [account.atsId],
    );
    return rows.length > 0 && rows;
  });
  expect(logged).toEqual([{ payload: null, outcome: 'failure' }]);
});

test('a limiter whose database is in trouble lets pass, at once, and counts again afterwards', async () => {
  await database.query('begin');
  try {
    await database.query('lock table rate_bucket in access exclusive mode');
    const from = performance.now();
    expect(await limits().charge(account.atsId)).toBeNull();
    expect(performance.now() - from).toBeLessThan(5000);
    expect(await limits().charge(account.atsId)).toBeNull();
  } finally {
    await database.query('rollback');
  }
  await until('the limiter to count again', async () => (await limits().charge(account.atsId))?.passed);
});

test('a rate below one a second is one request, then a wait', async () => {
  const first = await read(slow[0]);
  const { status, headers } = first;
  expect([status, headers.get('ratelimit-limit'), headers.get('ratelimit-reset')]).toEqual([404, '1', '100']);
  const second = await read(slow[0]);
  expect([second.status, second.headers.get('retry-after')]).toEqual([429, '100']);
});
