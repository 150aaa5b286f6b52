import type { ServerResponse } from 'node:http';
import { Accounts } from '../../src/accounts/accounts.service';
import { outboxCommands } from '../../src/cli/outbox.command';
import { Clock } from '../../src/database/clock';
import { Database, statement } from '../../src/database/database';
import { call, makeAccount, startGateway, type Gateway, type TestAccount } from '../support/gateway';
import { startReceiver, type Delivery, type Receiver } from '../support/receiver';
import { until } from '../support/until';

const DAY = '86400';

let gateway: Gateway;
let receiver: Receiver;
let account: TestAccount;
let held: ServerResponse[];
let accounts = 0;
let answers: number | 'hold';

beforeAll(async () => {
  // A message that fails waits for a day; one that fails again is dead.
  gateway = await startGateway({ env: { DELIVERY_RETRY_SCHEDULE: DAY, DELIVERY_TIMEOUT_MS: '20000' } });
});

beforeEach(async () => {
  [answers, held] = [200, []];
  receiver = await startReceiver(
    () => account.outgoingSecret,
    (_delivery, response) => (answers === 'hold' ? void held.push(response) : answers),
  );
  account = await makeAccount(gateway, `account-${accounts++}`, receiver.url);
});

afterEach(async () => {
  await sql('truncate outbox_message');
  await receiver.close();
});

afterAll(() => gateway.close());

function sql<T extends object>(text: string, values: unknown[] = []): Promise<T[]> {
  return gateway.app.get(Database).query<T>(statement('', text), values);
}

async function write(candidate_id = 'c-1'): Promise<string> {
  const { status, body } = await call(gateway, account, '/v1/candidates', {
    body: { candidate_id, first_name: 'Ann', last_name: 'Lee' },
  });
  expect(status).toBe(202);
  return String(body.reference_id);
}

async function statusOf(id: string): Promise<unknown> {
  return (await call(gateway, account, `/v1/flows/${id}`)).body.status;
}

async function untilStatus(id: string, status: string): Promise<void> {
  await until(`${id} to be ${status}`, async () => (await statusOf(id)) === status);
}

function redeliver(id: string, by = account) {
  return call(gateway, by, `/v1/flows/${id}/redeliver`, { method: 'POST' });
}

function arrivals(id: string): Delivery[] {
  return receiver.deliveries.filter((d) => d.body.reference_id === id);
}

interface Pending {
  failures: number;
  due: boolean;
}

function pending(id: string): Promise<Pending[]> {
  return sql<Pending>(
    'select failures, available_at <= now() as due from outbox_message where reference_id = $1 and leased_until <= now()',
    [id],
  );
}

/** Written, tried once, and waiting for a day. */
async function writeWaiting(candidate?: string): Promise<string> {
  answers = 500;
  const id = await write(candidate);
  await until('a failed attempt', async () => (await pending(id)).some((p) => p.failures === 1 && !p.due));
  return id;
}

async function writeDead(candidate?: string): Promise<string> {
  const id = await writeWaiting(candidate);
  expect((await redeliver(id)).status).toBe(202);
  await untilStatus(id, 'dead');
  return id;
}

test('a delivered flow arrives again with the same event_id and bytes, behind what is pending of its entity', async () => {
  const delivered = await write();
  await untilStatus(delivered, 'delivered');
  const waiting = await writeWaiting();
  answers = 200;
  const answer = await redeliver(delivered);
  expect(answer).toMatchObject({ status: 202, body: { reference_id: delivered } });
  expect(await statusOf(delivered)).toBe('processed');
  // Other entities of the account overtake it.
  await untilStatus(await write('c-2'), 'delivered');
  expect(arrivals(delivered)).toHaveLength(1);
  expect((await redeliver(waiting)).status).toBe(202);
  await untilStatus(delivered, 'delivered');
  const order = receiver.deliveries.map((d) => d.body.reference_id).filter((id) => id === delivered || id === waiting);
  expect(order).toEqual([delivered, waiting, waiting, delivered]);
  const [first, again] = arrivals(delivered);
  expect(again!.raw.equals(first!.raw)).toBe(true);
  expect(again!.headers['webhook-id']).toBe(first!.headers['webhook-id']);
  expect(again!.verified).toBe(true);
});

test('a dead flow arrives again, with its whole schedule before it', async () => {
  const id = await writeDead();
  expect((await redeliver(id)).status).toBe(202);
  await until('a failed attempt', async () => (await pending(id)).some((p) => p.failures === 1 && !p.due));
  expect(await statusOf(id)).toBe('processed');
  answers = 200;
  expect((await redeliver(id)).status).toBe(202);
  await untilStatus(id, 'delivered');
  const [first, ...others] = arrivals(id);
  expect(others).toHaveLength(3);
  for (const { raw } of others) expect(raw.equals(first!.raw)).toBe(true);
  expect(await sql('select from dead_message where reference_id = $1', [id])).toHaveLength(0);
});

test('a waiting message is due now and keeps its place and its count', async () => {
  const id = await writeWaiting();
  answers = 'hold';
  expect((await redeliver(id)).status).toBe(202);
  await until('the second attempt', () => held.length > 0);
  expect(await sql('select failures from outbox_message where reference_id = $1', [id])).toEqual([{ failures: 1 }]);
  held.shift()!.writeHead(200).end();
  await untilStatus(id, 'delivered');
  const { body } = await call(gateway, account, `/v1/flows/${id}`);
  const attempts = (body.timeline as { stage: string; number?: number }[]).filter((e) => e.stage === 'attempt');
  expect(attempts.map((a) => a.number)).toEqual([1, 2]);
});

test.each(['delivered', 'dead', 'waiting', 'in flight'])('20 calls at once make one message (%s)', async (state) => {
  const id = state === 'dead' ? await writeDead() : state === 'waiting' ? await writeWaiting() : await write();
  if (state === 'delivered') await untilStatus(id, 'delivered');
  if (state === 'in flight') {
    await untilStatus(id, 'delivered');
    answers = 'hold';
    await redeliver(id);
    await until('the attempt', () => held.length > 0);
  }
  const before = arrivals(id).length - held.length;
  answers = 'hold';
  const statuses = await Promise.all(Array.from({ length: 20 }, async () => (await redeliver(id)).status));
  expect(statuses).toEqual(Array.from({ length: 20 }, () => 202));
  expect(await sql('select from outbox_message where reference_id = $1', [id])).toHaveLength(1);
  await until('the attempt', () => held.length > 0);
  answers = 200;
  held.shift()!.writeHead(200).end();
  await untilStatus(id, 'delivered');
  // What is sent later of the same entity would have stood behind a double.
  await untilStatus(await write(), 'delivered');
  expect(arrivals(id)).toHaveLength(before + 1);
});

test('not yet processed: 409', async () => {
  const id = gateway.app.get(Clock).uuidv7();
  await sql(
    `insert into flow (reference_id, ats_id, client_id, source, event, entity_id, payload)
     values ($1, $2, 'client-1', 'rest', 'candidate.created', 'c-1', '{}')`,
    [id, account.atsId],
  );
  expect(await redeliver(id)).toMatchObject({ status: 409, body: { detail: 'The flow has no result yet' } });
});

test('unknown, malformed and foreign: 404 with one body, and nothing is sent', async () => {
  const id = await write();
  await untilStatus(id, 'delivered');
  const other = await makeAccount(gateway, `account-${accounts++}`, null);
  const answer = (status: number, body: Record<string, unknown>) => ({ status, detail: body.detail });
  const answered = await Promise.all(
    [[id, other] as const, [gateway.app.get(Clock).uuidv7(), account] as const, ['nonsense', account] as const].map(
      async ([flow, by]) => {
        const { status, body } = await redeliver(flow, by);
        return answer(status, body);
      },
    ),
  );
  const expected = { status: 404, detail: 'There is no such flow, or it has expired' };
  expect(answered).toEqual([expected, expected, expected]);
  expect(await pending(id)).toEqual([]);
});

test('a key that was rotated away is refused at once, also where it is still remembered', async () => {
  const id = await write();
  await untilStatus(id, 'delivered');
  const apiKey = await gateway.app.get(Accounts).rotateApiKey(account.atsId, 'test');
  expect(await redeliver(id)).toMatchObject({ status: 401, body: { detail: 'Invalid or missing API key' } });
  expect(await redeliver(gateway.app.get(Clock).uuidv7())).toMatchObject({ status: 401 });
  expect(await pending(id)).toEqual([]);
  expect((await redeliver(id, { ...account, apiKey })).status).toBe(202);
  await gateway.app.get(Accounts).setEnabled(account.atsId, false, 'test');
  expect((await redeliver(id, { ...account, apiKey })).status).toBe(401);
});

describe('outbox redeliver', () => {
  async function run(options: Record<string, string>, argument = ''): Promise<{ output: unknown; said: string }> {
    const stderr = jest.spyOn(process.stderr, 'write').mockReturnValue(true);
    try {
      const output = await outboxCommands['outbox redeliver']!.run(gateway.app, options, argument);
      return { output, said: stderr.mock.calls.map(([text]) => String(text)).join('') };
    } finally {
      stderr.mockRestore();
    }
  }

  test('brings back one flow', async () => {
    const id = await writeDead();
    answers = 200;
    expect(await run({}, id)).toEqual({ output: { reference_id: id, result: 'requeued' }, said: '' });
    await untilStatus(id, 'delivered');
  });

  test('brings back all that died since a time, in that order, and tells how far it is', async () => {
    await sql(
      `with d as (
         select n, case when n > 1100 then 'old' else 'new' end as age
           from generate_series(1, 1103) n
       ), bodies as (
         select d.*, uuidv7() as reference_id from d
       ), results as (
         insert into result_event (reference_id, ats_id, client_id, event, status, body, created_at, position)
         select reference_id, $1, 'client-1', 'candidate.created', 'success',
                json_build_object('reference_id', reference_id, 'data', json_build_object('n', n, 'age', age))::text, now(), n
           from bodies)
       insert into dead_message (reference_id, ats_id, entity_key, failures, state, at)
       select reference_id, $1, 'client-1/candidate/' || n % 50, 2, 'dead',
              case age when 'old' then timestamptz '2026-01-01' else timestamptz '2026-02-01' + n * interval '1 s' end
         from bodies`,
      [account.atsId],
    );
    const { output, said } = await run({ 'ats-id': account.atsId, 'dead-since': '2026-01-15T00:00:00Z' });
    expect(output).toEqual({ ats_id: account.atsId, queued: 1100 });
    expect(said).toBe('500 queued again\n1000 queued again\n1100 queued again\n');
    await until('all of them', () => receiver.deliveries.length >= 1100);
    const numbers = receiver.deliveries.map((d) => Number(d.body.data.n));
    expect(numbers.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 1100 }, (_, n) => n + 1));
    for (let entity = 0; entity < 50; entity++) {
      const own = numbers.filter((n) => n % 50 === entity);
      expect(own).toEqual(own.toSorted((a, b) => a - b));
    }
    expect(await sql('select from dead_message where ats_id = $1', [account.atsId])).toHaveLength(3);
    expect((await run({ 'ats-id': account.atsId, 'dead-since': '2026-01-15T00:00:00Z' })).output).toMatchObject({
      queued: 0,
    });
  });

  test('refuses an account that does not exist', async () => {
    const unknown = run({ 'ats-id': 'nobody', 'dead-since': '2026-01-15T00:00:00Z' });
    await expect(unknown).rejects.toMatchObject({ kind: 'not_found', message: 'There is no account nobody' });
  });

  test('says what is wrong with its options', async () => {
    await expect(run({ 'dead-since': '2026-01-15T00:00:00Z' })).rejects.toThrow('--ats-id is required');
    await expect(run({ 'ats-id': account.atsId })).rejects.toThrow('--dead-since is required');
    await expect(run({ 'ats-id': account.atsId, 'dead-since': 'yesterday' })).rejects.toThrow('--dead-since is a time');
    await expect(run({}, 'nonsense')).rejects.toThrow('give the reference_id');
  });
});
