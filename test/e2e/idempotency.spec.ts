import { Client } from 'pg';
import { Accounts } from '../../src/accounts/accounts.service';
import { IdempotencyExpiry } from '../../src/inbox/idempotency-expiry.service';
import { signatureHeader } from '../../src/signing/signature';
import { call, makeAccount, startGateway, type Gateway, type TestAccount } from '../support/gateway';
import { until } from '../support/until';

// Workers off: what was accepted stays to be counted, and no result mixes with what is tested.
const env = { ROLE: 'api' };

let gateway: Gateway;
let twin: Gateway;
let database: Client;
let account: TestAccount;
let other: TestAccount;

beforeAll(async () => {
  gateway = await startGateway({ env });
  twin = await startGateway({ env, databaseUrl: gateway.databaseUrl });
  database = new Client({ connectionString: gateway.databaseUrl });
  await database.connect();
  account = await makeAccount(gateway, 'acme', null, ['client-1', 'client-2']);
  other = await makeAccount(gateway, 'other', null);
});

afterAll(async () => {
  await database.end();
  await twin.close();
  await gateway.close();
});

interface Answer {
  readonly status: number;
  readonly referenceId: unknown;
  readonly fields: string[] | undefined;
}

interface Request {
  readonly body?: unknown;
  readonly method?: string;
  readonly path?: string;
  readonly clientId?: string;
  readonly by?: TestAccount;
  readonly at?: Gateway;
  readonly headers?: Record<string, string>;
}

type Way = (key: string, request?: Request) => Promise<Answer>;

const CANDIDATE = { candidate_id: 'c-1', first_name: 'Jane', last_name: 'Smith', custom_fields: { a: 1, b: [1, 2] } };

function answerOf(status: number, body: Record<string, unknown>): Answer {
  const errors = body.errors as { field: string }[] | undefined;
  return { status, referenceId: body.reference_id, fields: errors?.map((fault) => fault.field) };
}

const rest: Way = async (key, request = {}) => {
  const { at = gateway, by = account, path = '/v1/candidates', method = 'POST', clientId, body = CANDIDATE } = request;
  const headers = { 'Idempotency-Key': key, ...request.headers };
  const answer = await call(at, by, path, { method, clientId, body: method === 'DELETE' ? undefined : body, headers });
  return answerOf(answer.status, answer.body);
};

const webhook: Way = async (key, { at = gateway, by = account, clientId = 'client-1', body = CANDIDATE } = {}) => {
  const envelope = { event: 'candidate.created', event_id: key, client_id: clientId, user_id: 'user-1' };
  const raw = typeof body === 'string' ? body : JSON.stringify({ ...envelope, ...(body as object) });
  const response = await fetch(`${at.origin}/v1/webhooks/${by.atsId}`, {
    method: 'POST',
    headers: {
      'Content-Type': 'application/json',
      'X-Webhook-Signature': signatureHeader([by.incomingSecret], Math.floor(Date.now() / 1000), Buffer.from(raw)),
    },
    body: raw,
  });
  return answerOf(response.status, (await response.json()) as Record<string, unknown>);
};

let keys = 0;
const newKey = (): string => `key-${++keys}`;

/** The flows there are of those ids, as the queue has them too. */
async function flows(...referenceIds: unknown[]): Promise<number> {
  const { rows } = await database.query<{ flows: number; queued: number }>(
    `select (select count(*)::int from flow where reference_id = any($1)) as flows,
            (select count(*)::int from inbox_message where reference_id = any($1)) as queued`,
    [referenceIds],
  );
  expect(rows[0]!.queued).toBe(rows[0]!.flows);
  return rows[0]!.flows;
}

async function allFlows(): Promise<number> {
  const { rows } = await database.query<{ n: number }>('select count(*)::int as n from flow');
  return rows[0]!.n;
}

async function bindings(key: string): Promise<number> {
  const { rows } = await database.query<{ n: number }>(
    'select count(*)::int as n from idempotency_key where key = $1',
    [key],
  );
  return rows[0]!.n;
}

const WAYS: [string, Way][] = [
  ['REST', rest],
  ['a webhook', webhook],
];

describe.each(WAYS)('over %s', (name, send) => {
  const field = name === 'REST' ? 'Idempotency-Key' : 'event_id';

  test('the same key and request: the same reference_id, one flow', async () => {
    const [key, before] = [newKey(), await allFlows()];
    const first = await send(key);
    expect(first).toMatchObject({ status: 202, referenceId: expect.any(String) });
    expect(await send(key)).toEqual(first);
    expect(await send(key, { at: twin })).toEqual(first);
    expect(await allFlows()).toBe(before + 1);
    expect(await flows(first.referenceId)).toBe(1);
  });

  test('other member order, white space and escapes are the same request', async () => {
    const key = newKey();
    const text = (body: string): string =>
      name === 'REST'
        ? `{${body}}`
        : `{"user_id":"user-1",${body},"client_id":"client-1","event_id":"${key}","event":"candidate.created"}`;
    const first = await send(key);
    for (const body of [
      '"custom_fields":{"b":[1,2],"a":1},"last_name":"Smith","first_name":"Jane","candidate_id":"c-1"',
      '\n\t"custom_fields" : { "b" : [ 1.0 , 2e0 ], "a" : 1 },\r\n "last_name":"Smith","first_name":"Jane","candidate_id":"c-1"',
      '"custom_fields":{"\\u0062":[1,2],"a":1},"last_name":"Sm\\u0069th","first_name":"Jane","candidate_id":"c-1"',
    ]) {
      expect(await send(key, { body: text(body) })).toEqual(first);
    }
    expect(await flows(first.referenceId)).toBe(1);
  });

  test.each<[string, object]>([
    ['another value', { ...CANDIDATE, first_name: 'John' }],
    ['one more field', { ...CANDIDATE, headline: 'CTO' }],
    ['null for an absent field', { ...CANDIDATE, headline: null }],
    ['one field less', { ...CANDIDATE, custom_fields: undefined }],
    ['another order of a list', { ...CANDIDATE, custom_fields: { a: 1, b: [2, 1] } }],
    ['a text for a number', { ...CANDIDATE, custom_fields: { a: '1', b: [1, 2] } }],
    ['what normalisation would take for the same', { ...CANDIDATE, first_name: ' Jane ' }],
    ['another candidate', { ...CANDIDATE, candidate_id: 'c-2' }],
  ])('the same key with %s: 422, nothing new, and the first answer stands', async (_, body) => {
    const key = newKey();
    const first = await send(key);
    const before = await allFlows();
    expect(await send(key, { body })).toEqual({ status: 422, referenceId: undefined, fields: [field] });
    expect(await send(key, { body, at: twin })).toMatchObject({ status: 422 });
    expect(await allFlows()).toBe(before);
    expect(await send(key)).toEqual(first);
  });

  test('another account or client has keys of its own', async () => {
    const key = newKey();
    const answers = [await send(key), await send(key, { clientId: 'client-2' }), await send(key, { by: other })];
    expect(answers.map(({ status }) => status)).toEqual([202, 202, 202]);
    expect(new Set(answers.map(({ referenceId }) => referenceId)).size).toBe(3);
    expect(await bindings(key)).toBe(3);
    expect(await send(key, { clientId: 'client-2' })).toEqual(answers[1]);
  });

  test('50 parallel identical requests: one flow, the same answer', async () => {
    const [key, before] = [newKey(), await allFlows()];
    const answers = await Promise.all(Array.from({ length: 50 }, () => send(key)));
    expect(answers).toEqual(Array(50).fill({ status: 202, referenceId: answers[0]!.referenceId }));
    expect(await flows(answers[0]!.referenceId)).toBe(1);
    expect(await allFlows()).toBe(before + 1);
  });

  test('50 parallel identical requests through two gateways, ten times over: one flow each', async () => {
    for (let round = 0; round < 10; round++) {
      const [key, before] = [newKey(), await allFlows()];
      const answers = await Promise.all(
        Array.from({ length: 50 }, (_, n) => send(key, { at: n % 2 === 0 ? gateway : twin })),
      );
      expect(answers).toEqual(Array(50).fill({ status: 202, referenceId: answers[0]!.referenceId }));
      expect(await allFlows()).toBe(before + 1);
    }
  });

  test('50 parallel requests of one key and two bodies: one body wins, the other is refused, wherever it went', async () => {
    const [key, before] = [newKey(), await allFlows()];
    const bodies = [CANDIDATE, { ...CANDIDATE, first_name: 'John' }];
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, n) => send(key, { body: bodies[n % 2], at: n % 4 < 2 ? gateway : twin })),
    );
    const winners = answers.findIndex(({ status }) => status === 202) % 2;
    expect(new Set(answers.flatMap(({ referenceId }) => referenceId ?? [])).size).toBe(1);
    answers.forEach(({ status }, n) => expect(status).toBe(n % 2 === winners ? 202 : 422));
    expect(await allFlows()).toBe(before + 1);
  });

  test('many keys at once, each twice and in opposite orders through two gateways: one flow each', async () => {
    const before = await allFlows();
    const set = Array.from({ length: 40 }, newKey);
    const [here, there] = await Promise.all([
      Promise.all(set.map((key) => send(key))),
      Promise.all(set.toReversed().map((key) => send(key, { at: twin }))),
    ]);
    expect(here.map(({ status }) => status)).toEqual(set.map(() => 202));
    expect(there.toReversed()).toEqual(here);
    expect(await allFlows()).toBe(before + set.length);
  });

  test('a key on a refused write is not bound', async () => {
    const key = newKey();
    expect(await send(key, { body: { ...CANDIDATE, first_name: 1 } })).toMatchObject({ status: 422 });
    expect(await send(key, { clientId: 'nobody' })).toMatchObject({ status: 409 });
    const stranger = { ...account, apiKey: 'wrong', incomingSecret: 'wrong' };
    expect(await send(key, { by: stranger })).toMatchObject({ status: 401 });
    expect(await bindings(key)).toBe(0);
    expect(await send(key)).toMatchObject({ status: 202 });
    expect(await bindings(key)).toBe(1);
  });

  test('a key on a write that the very accepting statement refused is not bound', async () => {
    const key = newKey();
    const late = await makeAccount(gateway, `late-${key}`, null);
    expect(await send(newKey(), { by: late })).toMatchObject({ status: 202 });
    await gateway.app.get(Accounts).setEnabled(late.atsId, false, 'test');
    expect(await send(key, { by: late })).toMatchObject({ status: 401 });
    await gateway.app.get(Accounts).setEnabled(late.atsId, true, 'test');
    expect(await bindings(key)).toBe(0);
    expect(await send(key, { by: late })).toMatchObject({ status: 202 });
  });
});

test('a key of REST and an event_id of a webhook are different keys', async () => {
  const key = newKey();
  const [byRest, byWebhook] = [await rest(key), await webhook(key)];
  expect([byRest.status, byWebhook.status]).toEqual([202, 202]);
  expect(byRest.referenceId).not.toBe(byWebhook.referenceId);
  expect(await flows(byRest.referenceId, byWebhook.referenceId)).toBe(2);
});

test('without a key, equal requests are two flows', async () => {
  const send = async () => (await call(gateway, account, '/v1/candidates', { body: CANDIDATE })).body.reference_id;
  const [first, second] = [await send(), await send()];
  expect(await flows(first, second)).toBe(2);
});

test.each<[string, Request, Request]>([
  ['path', { method: 'DELETE', path: '/v1/candidates/a' }, { method: 'DELETE', path: '/v1/candidates/b' }],
  ['method', { method: 'DELETE', path: '/v1/candidates/a' }, { method: 'PATCH', path: '/v1/candidates/a', body: {} }],
  ['entity', { body: { ...CANDIDATE } }, { method: 'PATCH', path: '/v1/candidates/c-1', body: CANDIDATE }],
])('over REST the same key with another %s: 422', async (_, first, second) => {
  const key = newKey();
  expect(await rest(key, first)).toMatchObject({ status: 202 });
  expect(await rest(key, second)).toEqual({ status: 422, referenceId: undefined, fields: ['Idempotency-Key'] });
  expect(await rest(key, first)).toMatchObject({ status: 202 });
});

test('over a webhook the same event_id with another event: 422', async () => {
  const key = newKey();
  expect(await webhook(key)).toMatchObject({ status: 202 });
  const update = { ...CANDIDATE, event: 'candidate.updated' };
  expect(await webhook(key, { body: update })).toEqual({ status: 422, referenceId: undefined, fields: ['event_id'] });
});

test('the member on whose behalf a write is repeated is not part of it', async () => {
  const key = newKey();
  const first = await rest(key);
  expect(await rest(key, { headers: { 'X-ATS-User-ID': 'user-2' } })).toEqual(first);
});

test('provisioning is repeated under the client that it names', async () => {
  const key = newKey();
  const workspace = (client_id: string) => ({
    client_id,
    name: 'W',
    admin_name: 'Ann',
    admin_email: 'ann@example.com',
  });
  const provision = (clientId: string) => rest(key, { path: '/v1/workspaces', body: workspace(clientId) });
  const first = await provision('w-1');
  expect(first.status).toBe(202);
  expect(await provision('w-1')).toEqual(first);
  const second = await provision('w-2');
  expect([second.status, second.referenceId === first.referenceId]).toEqual([202, false]);
});

test('a key is kept at least a day', async () => {
  const key = newKey();
  const first = await rest(key);
  await database.query(`update idempotency_key set created_at = now() - interval '24 hours' where key = $1`, [key]);
  await gateway.app.get(IdempotencyExpiry).expire();
  expect(await rest(key)).toEqual(first);
  await database.query(`update idempotency_key set created_at = now() - interval '26 hours' where key = $1`, [key]);
  await gateway.app.get(IdempotencyExpiry).expire();
  const second = await rest(key);
  expect([second.status, second.referenceId === first.referenceId]).toEqual([202, false]);
});

describe('a twin of a request that is not durable yet', () => {
  const path = '/v1/workspaces';
  const body = { client_id: 'slow', name: 'Slow', admin_name: 'Ann', admin_email: 'ann@example.com' };
  let blocker: Client;

  beforeEach(async () => {
    blocker = new Client({ connectionString: gateway.databaseUrl });
    await blocker.connect();
    // The gate of this workspace is held, so the accepting statement stops after it bound the key.
    await blocker.query('begin');
    await blocker.query("insert into workspace (ats_id, client_id) values ('acme', $1)", [body.client_id]);
  });

  afterEach(async () => {
    await blocker.end();
    await database.query("delete from workspace where ats_id = 'acme' and client_id = $1", [body.client_id]);
  });

  /** The accepting statements that wait for another transaction. */
  const stuck = async (count: number): Promise<number[]> => {
    const waiting = `select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'
                        and query like '%unnest(%' order by query_start`;
    return until(`${count} to wait`, async () => {
      const { rows } = await database.query<{ pid: number }>(waiting);
      return rows.length === count && rows.map(({ pid }) => pid);
    });
  };

  test.each<[string, () => Gateway]>([
    ['the same gateway', () => gateway],
    ['another gateway', () => twin],
  ])('waits for it, through %s', async (where, second) => {
    const key = newKey();
    const first = rest(key, { path, body });
    await stuck(1);
    let answered = false;
    const repeated = rest(key, { path, body, at: second() }).finally(() => (answered = true));
    if (where === 'another gateway') await stuck(2);
    // What comes later is answered meanwhile.
    for (let n = 0; n < 5; n++) await call(second(), account, '/v1/candidates/nobody');
    expect(answered).toBe(false);
    expect(await bindings(key)).toBe(0);
    await blocker.query('rollback');
    const answer = await repeated;
    expect(answer).toMatchObject({ status: 202 });
    expect(await flows(answer.referenceId)).toBe(1);
    expect(await first).toEqual(answer);
  });

  test('takes its place when it came to nothing', async () => {
    const key = newKey();
    const [before, first] = [await allFlows(), rest(key, { path, body })];
    const [pid] = await stuck(1);
    const second = rest(key, { path, body, at: twin });
    await stuck(2);
    await database.query('select pg_terminate_backend($1)', [pid]);
    expect(await first).toMatchObject({ status: 503 });
    await blocker.query('rollback');
    const answer = await second;
    expect(answer).toMatchObject({ status: 202 });
    expect(await allFlows()).toBe(before + 1);
    expect(await rest(key, { path, body })).toEqual(answer);
  });
});

test('a repetition after an answer that never arrived gets the flow that was made', async () => {
  const [key, before] = [newKey(), await allFlows()];
  const leaving = new AbortController();
  const lost = fetch(`${gateway.origin}/v1/candidates`, {
    method: 'POST',
    signal: leaving.signal,
    headers: {
      'X-API-Key': account.apiKey,
      'X-ATS-Client-ID': 'client-1',
      'X-ATS-User-ID': 'user-1',
      'Content-Type': 'application/json',
      'Idempotency-Key': key,
    },
    body: JSON.stringify(CANDIDATE),
  }).catch(() => null);
  const found = await until('the write to be durable', async () => {
    const { rows } = await database.query<{ reference_id: string }>(
      'select reference_id from idempotency_key where key = $1',
      [key],
    );
    return rows[0]?.reference_id;
  });
  leaving.abort();
  await lost;
  expect(await rest(key)).toMatchObject({ status: 202, referenceId: found });
  expect(await allFlows()).toBe(before + 1);
});
