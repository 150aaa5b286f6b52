import { Client } from 'pg';
import { call, makeAccount, startGateway, type Gateway, type TestAccount } from '../support/gateway';
import { Load } from '../support/load';
import { startReceiver, type Receiver, type ResultBody } from '../support/receiver';
import { until } from '../support/until';

let gateways: [Gateway, Gateway];
let database: Client;
let receiver: Receiver;
let account: TestAccount;
let accounts = 0;

beforeAll(async () => {
  const first = await startGateway();
  gateways = [first, await startGateway({ databaseUrl: first.databaseUrl })];
  database = new Client({ connectionString: first.databaseUrl });
  await database.connect();
});

beforeEach(async () => {
  receiver = await startReceiver(() => account.outgoingSecret);
  account = await makeAccount(gateways[0], `account-${accounts++}`, receiver.url, ['client-1', 'client-2']);
});

afterEach(() => receiver.close());

afterAll(async () => {
  await database.end();
  await gateways[1].close();
  await gateways[0].close();
});

interface Page {
  readonly data: ResultBody[];
  readonly next_cursor: string;
  readonly has_more: boolean;
}

const ask = (query: string, of = account, gateway = gateways[0]) => call(gateway, of, `/v1/events${query}`);

async function read(query = '', of = account): Promise<Page> {
  const { status, body } = await ask(query, of);
  expect(status).toBe(200);
  return body as unknown as Page;
}

async function write(id: string, fields: object = {}): Promise<void> {
  const body = { candidate_id: id, first_name: 'Ann', last_name: 'Lee', ...fields };
  expect((await call(gateways[0], account, '/v1/candidates', { body })).status).toBe(202);
}

async function quiet(): Promise<void> {
  await until('everything to be delivered', async () => {
    const { rows } = await database.query('select from inbox_message union all select from outbox_message');
    return rows.length === 0;
  });
}

test('holds the bodies of the webhooks, results that are errors included, in the order in which they were made', async () => {
  await write('c-1', { custom_fields: { n: 1.5, text: 'é\u2028', nested: [null, { __proto__: null, a: '"' }] } });
  await call(gateways[0], account, '/v1/candidates/nobody', { method: 'PATCH', body: { headline: 'x' } });
  await quiet();
  const response = await fetch(`${gateways[1].origin}/v1/events`, { headers: { 'X-API-Key': account.apiKey } });
  expect(response.headers.get('content-type')).toMatch(/^application\/json/);
  const text = await response.text();
  const { data, has_more } = JSON.parse(text) as Page;
  expect(data.map((e) => [e.event, e.status])).toEqual([
    ['candidate.created', 'success'],
    ['candidate.updated', 'error'],
  ]);
  expect(has_more).toBe(false);
  const bodies = data.map((e) => receiver.deliveries.find((d) => d.body.event_id === e.event_id)!.raw.toString());
  expect(text).toContain(`"data":[${bodies.join(',')}]`);
});

test('page after page gives each event once; its last cursor gives what comes later', async () => {
  expect(await read()).toEqual({ data: [], next_cursor: expect.any(String), has_more: false });
  const empty = (await read()).next_cursor;
  for (let n = 0; n < 7; n++) await write(`c-${n}`);
  await quiet();
  const ids: unknown[] = [];
  let page = await read(`?limit=3&after=${empty}`);
  for (; page.has_more; page = await read(`?limit=3&after=${page.next_cursor}`)) {
    expect(page.data).toHaveLength(3);
    ids.push(...page.data.map((e) => e.data.candidate_id));
  }
  ids.push(...page.data.map((e) => e.data.candidate_id));
  expect(ids).toEqual(Array.from({ length: 7 }, (_, n) => `c-${n}`));
  const again = await read(`?after=${page.next_cursor}`);
  expect(again).toEqual({ data: [], next_cursor: page.next_cursor, has_more: false });
  await write('later');
  await quiet();
  expect((await read(`?after=${page.next_cursor}`)).data.map((e) => e.data.candidate_id)).toEqual(['later']);
});

test('what is delivered again is no new event', async () => {
  await write('c-1');
  await quiet();
  const { data, next_cursor } = await read();
  const path = `/v1/flows/${data[0]!.reference_id}/redeliver`;
  expect((await call(gateways[0], account, path, { method: 'POST' })).status).toBe(202);
  await quiet();
  expect((await read(`?after=${next_cursor}`)).data).toEqual([]);
});

test('a page of large events ends early and says so', async () => {
  const text = 'x'.repeat(900_000);
  for (let n = 0; n < 7; n++) await write(`c-${n}`, { custom_fields: { text } });
  await quiet();
  const first = await read();
  expect([first.data.length, first.has_more]).toEqual([5, true]);
  const second = await read(`?after=${first.next_cursor}`);
  expect([second.data.length, second.has_more]).toEqual([2, false]);
});

test('a reader beside load on two gateways gets every result, once, each candidate in its order', async () => {
  const targets = ['client-1', 'client-2'].map((clientId) => ({ account, clientId }));
  const load = new Load(() => gateways[Math.random() < 0.5 ? 0 : 1].origin, targets, 8);
  const seen: ResultBody[] = [];
  let after = '';
  const turn = async (): Promise<boolean> => {
    const page = await read(`?limit=20${after}`);
    seen.push(...page.data);
    after = `&after=${page.next_cursor}`;
    return page.data.length > 0;
  };
  await until('some hundred events', async () => (await turn()) && seen.length > 400);
  await load.stop();
  await quiet();
  while (await turn());
  expect(seen.map((e) => e.reference_id).sort()).toEqual(load.acknowledged.map((a) => a.referenceId).sort());
  const last = new Map<string, number>();
  for (const { client_id, data } of seen) {
    const key = `${client_id}/${String(data.candidate_id)}`;
    const { sequence } = data.custom_fields as { sequence: number };
    expect(sequence).toBeGreaterThan(last.get(key) ?? -1);
    last.set(key, sequence);
  }
});

describe('who asks', () => {
  test('without a key that counts gets 401, also when the key ended just now', async () => {
    const other = await makeAccount(gateways[0], `account-${accounts++}`, null);
    await read('', other);
    await database.query('update account set enabled = false where ats_id = $1', [other.atsId]);
    for (const gateway of gateways) expect((await ask('', other, gateway)).status).toBe(401);
    expect((await ask('', { ...other, apiKey: 'nobody' })).status).toBe(401);
    expect((await fetch(`${gateways[0].origin}/v1/events`)).status).toBe(401);
  });

  test('sees no event of another account, and its cursor is no good there', async () => {
    await write('c-1');
    await quiet();
    const { next_cursor } = await read();
    const other = await makeAccount(gateways[0], `account-${accounts++}`, null);
    expect((await read('', other)).data).toEqual([]);
    expect((await ask(`?after=${next_cursor}`, other)).status).toBe(422);
  });

  const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

  test.each<[string, () => string, string[]]>([
    ['nonsense', () => 'after=nonsense', ['after']],
    ['nothing', () => 'after=', ['after']],
    ['two', () => 'after=a&after=b', ['after']],
    ['another form', () => `after=${encoded({ position: 1 })}`, ['after']],
    ['a negative position', () => `after=${encoded([account.atsId, -1])}`, ['after']],
    ['a broken position', () => `after=${encoded([account.atsId, 0.5])}`, ['after']],
    ['a position beyond bigint', () => `after=${encoded([account.atsId, 1e30])}`, ['after']],
    ['a textual position', () => `after=${encoded([account.atsId, '0'])}`, ['after']],
    ['one that is not reached yet', () => `after=${encoded([account.atsId, 7])}`, ['after']],
    ['a very long one', () => `after=${'x'.repeat(5000)}`, ['after']],
    ['a NUL', () => 'after=%00', ['after']],
    ['a wrong limit', () => 'limit=0', ['limit']],
    ['too large a limit', () => 'limit=201', ['limit']],
    ['unknown parameters', () => 'cursor=x&updated_after=x', ['cursor', 'updated_after']],
    ['everything wrong', () => 'after=x&limit=x&x=1', ['x', 'limit', 'after']],
  ])('with %s is told what is wrong', async (_, query, fields) => {
    const { status, body } = await ask(`?${query()}`);
    expect([status, (body.errors as { field: string }[]).map((e) => e.field)]).toEqual([422, fields]);
  });
});
