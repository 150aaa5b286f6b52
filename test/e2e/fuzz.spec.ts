import * as fc from 'fast-check';
import { createHmac } from 'node:crypto';
import { Client } from 'pg';
import { request } from 'undici';
import { makeAccount, startGateway, type Gateway, type TestAccount } from '../support/gateway';
import { routesOf, type Route } from '../support/routes';

/** Requests over all routes together; the contract of CI is 10,000 (FUZZ_REQUESTS). */
const REQUESTS = Number(process.env.FUZZ_REQUESTS ?? 10_000);
const SEED = Number(process.env.FUZZ_SEED ?? 20_261_123);
const AT_ONCE = 16;
const SLOWEST_MS = 20_000;
const KEY = 'the-internal-key-of-this-test';
const SECRET = 'only-the-other-may-see-this';

jest.setTimeout(300_000 + REQUESTS * 60);

let gateway: Gateway;
let routes: Route[];
let account: TestAccount;

beforeAll(async () => {
  gateway = await startGateway({ env: { DELIVERY_RETRY_SCHEDULE: '86400', INTERNAL_API_KEY: KEY } });
  routes = routesOf(gateway);
  account = await makeAccount(gateway, 'acme', null);
  const other = await makeAccount(gateway, 'other', null);
  const body = JSON.stringify({ candidate_id: 'c-1', first_name: SECRET, last_name: SECRET });
  const headers = {
    'X-API-Key': other.apiKey,
    'X-ATS-Client-ID': 'client-1',
    'X-ATS-User-ID': 'u',
    'Content-Type': 'application/json',
  };
  await fetch(`${gateway.origin}/v1/candidates`, { method: 'POST', headers, body });
});

afterAll(() => gateway.close());

const nasty = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.constantFrom(
    '',
    '\0',
    '../../etc/passwd',
    '%00',
    "'; drop table account; --",
    '<script>alert(1)</script>',
    '{{7*7}}',
    'constructor',
    '__proto__',
    'c-1',
    '\u202e',
    '\ud800',
    '-1',
    '1e999',
    'A'.repeat(5000),
    '00000000-0000-7000-8000-000000000000',
  ),
);
const FIELDS = [
  ...['candidate_id', 'first_name', 'last_name', 'email', 'phone', 'skills', 'experience', 'custom_fields', 'cv'],
  ...['vacancy_id', 'title', 'salary', 'status', 'application_id', 'stage', 'applied_at', 'client_id', 'user_id'],
  ...['name', 'admin_name', 'admin_email', 'event', 'event_id', 'ats_id', 'meeting_id', 'score', 'reasons'],
  ...['__proto__', 'constructor', 'toString'],
];
const anything = fc.oneof(fc.jsonValue({ maxDepth: 3 }), nasty);
const likeABody = fc.dictionary(fc.constantFrom(...FIELDS), anything, { maxKeys: 8 });
const body = fc.oneof(
  { weight: 6, arbitrary: likeABody.map((value) => Buffer.from(JSON.stringify(value))) },
  { weight: 1, arbitrary: anything.map((value) => Buffer.from(JSON.stringify(value))) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('[['.repeat(500), '{"a":', '"\\ud800"', '1e999', '').map((t) => Buffer.from(t)),
  },
);
/** What a header can carry at all: no control characters, one byte each. */
const headerValue = nasty.map((text) => text.replace(/[^\t\x20-\x7e\x80-\xff]/g, '?').trim());
const HEADERS = ['x-ats-client-id', 'x-ats-user-id', 'idempotency-key', 'if-none-match', 'accept', 'content-encoding'];
const headers = fc.dictionary(fc.constantFrom(...HEADERS, 'x-forwarded-for', 'origin', 'cookie'), headerValue, {
  maxKeys: 3,
});
const contentType = fc.oneof(
  { weight: 5, arbitrary: fc.constant('application/json') },
  fc.constantFrom(
    'application/merge-patch+json',
    'text/plain',
    'multipart/form-data; boundary=x',
    'application/json;charset=x',
  ),
  headerValue,
);
const query = fc.dictionary(
  fc.constantFrom('limit', 'cursor', 'updated_after', 'status', 'entity_id', 'after', 'limit[]', 'x'),
  nasty,
  { maxKeys: 3 },
);

interface Shot {
  readonly route: number;
  readonly ids: string[];
  readonly known: boolean;
  readonly signed: boolean;
  readonly body: Buffer;
  readonly headers: Record<string, string>;
  readonly contentType: string;
  readonly query: Record<string, string>;
}

const shots = fc.record<Shot>({
  route: fc.nat(),
  ids: fc.array(nasty, { minLength: 3, maxLength: 3 }),
  known: fc.boolean(),
  signed: fc.boolean(),
  body,
  headers,
  contentType,
  query,
});

async function shoot(shot: Shot): Promise<{ what: string; status: number; text: string }> {
  const { method, path } = routes[shot.route % routes.length]!;
  const ids = [...shot.ids];
  const filled = path.replace(/:(\w+)/g, (_, name: string) =>
    encodeURIComponent(shot.known ? (name === 'ats_id' ? 'acme' : 'c-1') : ids.pop()!.toWellFormed()),
  );
  const sent = method === 'GET' ? undefined : shot.body;
  const t = Math.floor(Date.now() / 1000);
  const v1 = createHmac('sha256', account.incomingSecret).update(`${t}.`).update(shot.body).digest('hex');
  const search = Object.entries(shot.query).map((pair) =>
    pair.map((s) => encodeURIComponent(s.toWellFormed())).join('='),
  );
  const answer = await request(`${gateway.origin}${filled}?${search.join('&')}`, {
    method: method as 'GET',
    headers: {
      'x-api-key': account.apiKey,
      'x-ats-client-id': 'client-1',
      'x-ats-user-id': 'u',
      authorization: `Bearer ${KEY}`,
      ...(shot.signed && { 'x-webhook-signature': `t=${t},v1=${v1}` }),
      ...(sent !== undefined && { 'content-type': shot.contentType }),
      ...shot.headers,
    },
    body: sent ?? null,
    headersTimeout: SLOWEST_MS,
    bodyTimeout: SLOWEST_MS,
  });
  return { what: `${method} ${filled}`, status: answer.statusCode, text: await answer.body.text() };
}

test('no request, however malformed, is answered with 5xx, a stack, or what is another account’s', async () => {
  const faults: object[] = [];
  const seen = new Map<number, number>();
  const all = fc.sample(shots, { numRuns: REQUESTS, seed: SEED });
  const take = async (): Promise<void> => {
    for (let shot = all.pop(); shot !== undefined; shot = all.pop()) {
      const { what, status, text } = await shoot(shot);
      seen.set(status, (seen.get(status) ?? 0) + 1);
      const leaks = /node_modules|\.ts:\d|\.js:\d|at Object\.|select .* from /i.test(text) || text.includes(SECRET);
      if (status >= 500 || leaks) faults.push({ what, status, text: text.slice(0, 500), shot });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, take));
  process.stdout.write(
    `fuzz: ${REQUESTS} requests, ${[...seen]
      .sort()
      .map((e) => e.join(': '))
      .join(', ')}\n`,
  );
  expect(faults.slice(0, 3)).toEqual([]);
  // They reached the routes, and did not all fail at the door.
  expect(seen.get(202)).toBeGreaterThan(0);
  expect(seen.get(422)).toBeGreaterThan(0);

  const database = new Client({ connectionString: gateway.databaseUrl });
  await database.connect();
  const { rows } = await database.query(`select ats_id from account order by ats_id`);
  await database.end();
  expect(rows).toEqual([{ ats_id: 'acme' }, { ats_id: 'other' }]);
});
