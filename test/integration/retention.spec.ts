import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { uuidFloor } from '../../src/database/clock';
import { Database, statement } from '../../src/database/database';
import { PARTITIONED, Partitions } from '../../src/database/partitions';
import { eventId } from '../../src/events/outbound';
import { entityKey } from '../../src/events/results';
import { Retention } from '../../src/ops/retention.service';
import { OutboxOperations } from '../../src/outbox/outbox-operations.service';
import { call, makeAccount, startGateway, type Gateway, type TestAccount } from '../support/gateway';
import { startReceiver, type Receiver } from '../support/receiver';
import { until } from '../support/until';

const DAY_MS = 86_400_000;

let gateways: [Gateway, Gateway];
let receiver: Receiver;
let account: TestAccount;
let accounts = 0;

beforeAll(async () => {
  const first = await startGateway();
  gateways = [first, await startGateway({ databaseUrl: first.databaseUrl })];
});

beforeEach(async () => {
  receiver = await startReceiver(() => account.outgoingSecret);
  account = await makeAccount(gateways[0], `account-${accounts++}`, receiver.url);
});

afterEach(async () => {
  await sql('truncate outbox_message, inbox_message, dead_message, kept_event');
  await retention();
  await receiver.close();
});

afterAll(async () => {
  await gateways[1].close();
  await gateways[0].close();
});

function sql<T extends object>(text: string, values: unknown[] = []): Promise<T[]> {
  return gateways[0].app.get(Database).query<T>(statement('', text), values);
}

function retention(gateway = gateways[0]): Promise<string[]> {
  return gateway.app.get(Retention).run();
}

/** Midnight, so many days ago. */
function dayStart(daysAgo: number): number {
  return (Math.floor(Date.now() / DAY_MS) - daysAgo) * DAY_MS;
}

/** The tables of one day, as `Partitions` names them. */
function tablesOf(daysAgo: number): string[] {
  const day = new Date(dayStart(daysAgo)).toISOString().slice(0, 10).replaceAll('-', '');
  return PARTITIONED.map((table) => `${table}_${day}`);
}

async function makeDay(daysAgo: number): Promise<string[]> {
  const from = dayStart(daysAgo);
  const names = tablesOf(daysAgo);
  for (const [n, name] of names.entries()) {
    await sql(`create table if not exists ${name} partition of ${PARTITIONED[n]}
                 for values from ('${uuidFloor(from)}') to ('${uuidFloor(from + DAY_MS)}')`);
  }
  return names;
}

async function existing(names: readonly string[]): Promise<string[]> {
  const rows = await sql<{ name: string }>(
    `select name from unnest($1::text[]) with ordinality t(name, n) where to_regclass(name) is not null order by n`,
    [names],
  );
  return rows.map((row) => row.name);
}

type State = 'delivered' | 'pending' | 'dead' | 'unprocessed';

/** A flow of an earlier day, as it would stand in the database today. Pending and unprocessed ones are due tomorrow. */
async function put(daysAgo: number, state: State, candidate = randomBytes(4).toString('hex')): Promise<string> {
  await makeDay(daysAgo);
  const id = uuidFloor(dayStart(daysAgo) + DAY_MS / 2).slice(0, 24) + randomBytes(6).toString('hex');
  const payload = JSON.stringify({ candidate_id: candidate, first_name: 'Ann', last_name: 'Lee' });
  await sql(
    `insert into flow (reference_id, ats_id, client_id, source, event, entity_id, payload)
     values ($1, $2, 'client-1', 'rest', 'candidate.created', $3, $4)`,
    [id, account.atsId, candidate, payload],
  );
  if (state === 'unprocessed') {
    await sql(
      `insert into inbox_message (ats_id, client_id, reference_id, available_at)
       values ($1, 'client-1', $2, now() + interval '1 day')`,
      [account.atsId, id],
    );
    return id;
  }
  await sql(
    `insert into result_event (reference_id, ats_id, client_id, event, status, body, created_at, position)
     select $1, $2, 'client-1', 'candidate.created', 'success', $3, now(), count(*) + 1 from result_event where ats_id = $2`,
    [id, account.atsId, bodyOf(id)],
  );
  await sql(
    `insert into delivery_attempt (id, ats_id, reference_id, direction, number, outcome, duration_ms)
     values ($1, $2, $1, 'outgoing', 1, $3, 1)`,
    [id, account.atsId, state === 'delivered' ? 'success' : 'failure'],
  );
  const key = entityKey({ clientId: 'client-1', event: 'candidate.created', entityId: candidate });
  if (state === 'pending') {
    await sql(
      `insert into outbox_message (ats_id, entity_key, reference_id, failures, available_at, queued_at)
       values ($1, $2, $3, 1, now() + interval '1 day', now() - $4::int * interval '1 day')`,
      [account.atsId, key, id, daysAgo],
    );
  }
  if (state === 'dead') {
    await sql(
      `insert into dead_message (reference_id, ats_id, entity_key, failures, state, at)
       values ($1, $2, $3, 12, 'dead', now() - $4::int * interval '1 day')`,
      [id, account.atsId, key, daysAgo],
    );
  }
  return id;
}

/** Bytes that no other serialiser would make. */
function bodyOf(id: string): string {
  return `{ "event_id":"${eventId(id)}",\n "reference_id" : "${id}", "data":{"n":1.50} }`;
}

function redeliver(id: string) {
  return call(gateways[1], account, `/v1/flows/${id}/redeliver`, { method: 'POST' });
}

async function arrived(id: string): Promise<string> {
  return until('the delivery', () => receiver.deliveries.find((d) => d.body.reference_id === id)?.raw.toString());
}

async function nothingPending(): Promise<void> {
  await until('the settling', async () => (await sql('select from outbox_message')).length === 0);
}

/** Traffic of today goes all the way. */
async function writeAndDeliver(): Promise<void> {
  const { status, body } = await call(gateways[0], account, '/v1/candidates', {
    body: { candidate_id: 'today', first_name: 'Ann', last_name: 'Lee' },
  });
  expect(status).toBe(202);
  await arrived(String(body.reference_id));
}

test('whole days go after RETENTION_DAYS, none before', async () => {
  const old = [...(await makeDay(30)), ...(await makeDay(9)), ...(await makeDay(8))];
  const kept = [...(await makeDay(7)), ...tablesOf(0)];
  expect([...(await retention())].sort()).toEqual([...old].sort());
  expect(await existing(old)).toEqual([]);
  expect(await existing(kept)).toEqual(kept);
  expect(await retention()).toEqual([]);
});

test('a delivered flow goes with its day: no trace, no redelivery', async () => {
  const [gone, kept] = [await put(8, 'delivered'), await put(7, 'delivered')];
  await retention();
  expect((await call(gateways[0], account, `/v1/flows/${gone}`)).status).toBe(404);
  expect(await redeliver(gone)).toMatchObject({
    status: 404,
    body: { detail: 'There is no such flow, or it has expired' },
  });
  expect((await redeliver(kept)).status).toBe(202);
  expect(await arrived(kept)).toBe(bodyOf(kept));
});

test('what is being dropped is not redelivered, though it is still there', async () => {
  const [held, delivered] = [await put(8, 'unprocessed'), await put(8, 'delivered')];
  await retention();
  expect(await sql('select from flow where reference_id = $1', [held])).toHaveLength(1);
  expect((await redeliver(delivered)).status).toBe(404);
});

test('pending and dead messages outlive their day, and arrive with the same bytes', async () => {
  const [pending, dead] = [await put(9, 'pending'), await put(9, 'dead')];
  await put(9, 'delivered');
  await retention();
  expect(await existing(tablesOf(9))).toEqual([]);
  expect(await sql('select from kept_event')).toHaveLength(2);
  await sql('update outbox_message set available_at = now()');
  expect(await arrived(pending)).toBe(bodyOf(pending));
  expect((await redeliver(dead)).status).toBe(202);
  expect(await arrived(dead)).toBe(bodyOf(dead));
  for (const { headers, body } of receiver.deliveries) {
    expect(headers).toMatchObject({ 'x-carv-event': 'candidate.created', 'webhook-id': body.event_id });
  }
  await nothingPending();
  await retention();
  expect(await sql('select from kept_event')).toHaveLength(0);
});

test('a dead message that was redelivered and waits again still has its body', async () => {
  const dead = await put(9, 'dead');
  await retention();
  receiver.script = () => 500;
  expect((await redeliver(dead)).status).toBe(202);
  await until('a failed attempt', async () => (await sql('select from outbox_message where failures = 1')).length > 0);
  await retention();
  receiver.script = () => 200;
  const before = receiver.deliveries.length;
  await sql('update outbox_message set available_at = now()');
  await nothingPending();
  expect(receiver.deliveries[before]?.raw.toString()).toBe(bodyOf(dead));
});

test('a flow that is not processed yet holds its day back, and every other waits with it', async () => {
  const waiting = await put(8, 'unprocessed');
  await makeDay(10);
  const attempts = [tablesOf(10)[2]!, tablesOf(8)[2]!];
  expect([...(await retention())].sort()).toEqual(attempts.sort());
  await sql('update inbox_message set available_at = now()');
  const body = await arrived(waiting);
  expect(JSON.parse(body)).toMatchObject({ event: 'candidate.created', status: 'success', reference_id: waiting });
  await retention();
  expect(await existing([...tablesOf(10), ...tablesOf(8)])).toEqual([]);
});

test('beside an open snapshot the run returns, traffic goes on, and the next run ends what it began', async () => {
  const old = [...(await makeDay(10)), ...(await makeDay(9)), ...(await makeDay(8))];
  const pending = await put(9, 'pending');
  const reader = new Client({ connectionString: gateways[0].databaseUrl });
  await reader.connect();
  try {
    await reader.query('begin isolation level repeatable read');
    for (const table of PARTITIONED) await reader.query(`select count(*) from ${table}`);
    await retention();
    expect((await existing(old)).length).toBeGreaterThan(0);
    await retention(gateways[1]);
    await writeAndDeliver();
    await gateways[0].app.get(Partitions).ensure();
    for (const table of PARTITIONED) await reader.query(`select count(*) from ${table}`);
    await reader.query('commit');
  } finally {
    await reader.end();
  }
  await retention();
  expect(await existing(old)).toEqual([]);
  await writeAndDeliver();
  await sql('update outbox_message set available_at = now()');
  expect(await arrived(pending)).toBe(bodyOf(pending));
});

test('a run that was cut short between detaching and dropping is ended by the next', async () => {
  const [flow] = await makeDay(8);
  await sql(`alter table flow detach partition ${flow}`);
  expect(await retention()).toContain(flow);
  expect(await existing(tablesOf(8))).toEqual([]);
});

test('two processes at once drop every day but once, and neither fails', async () => {
  for (let round = 0; round < 3; round++) {
    const old = [...(await makeDay(12)), ...(await makeDay(11)), ...(await makeDay(8))];
    const pending = await put(8, 'pending');
    const dropped = (await Promise.all([...gateways, ...gateways].map((gateway) => retention(gateway)))).flat();
    expect(new Set(dropped).size).toBe(dropped.length);
    await retention();
    expect(await existing(old)).toEqual([]);
    await sql('update outbox_message set available_at = now()');
    expect(await arrived(pending)).toBe(bodyOf(pending));
    await nothingPending();
  }
});

test('dead messages go after DEAD_RETENTION_DAYS, with the body kept for them', async () => {
  const [gone, kept] = [await put(31, 'dead'), await put(29, 'dead')];
  await retention();
  expect(await sql('select reference_id from dead_message')).toEqual([{ reference_id: kept }]);
  expect(await sql('select reference_id from kept_event')).toEqual([{ reference_id: kept }]);
  expect((await redeliver(gone)).status).toBe(404);
  expect((await redeliver(kept)).status).toBe(202);
  expect(await arrived(kept)).toBe(bodyOf(kept));
});

test('messages that waited for DEAD_RETENTION_DAYS go, and free their successors', async () => {
  const gone = await put(31, 'pending', 'c-1');
  const successor = await put(29, 'pending', 'c-1');
  await sql(`update outbox_message set available_at = 'infinity' where reference_id = $1`, [successor]);
  await retention();
  expect(await arrived(successor)).toBe(bodyOf(successor));
  await nothingPending();
  expect(receiver.deliveries.map((d) => d.body.reference_id)).not.toContain(gone);
  await retention();
  expect(await sql('select from kept_event')).toHaveLength(0);
});

test.each(['alone', 'with all that died'])(
  'a dead message that was redelivered (%s) waits for as long anew',
  async (way) => {
    const id = await put(33, 'dead');
    await sql(`update dead_message set at = now() - interval '29 days'`);
    await retention();
    await sql('update endpoint set url = null where ats_id = $1', [account.atsId]);
    if (way === 'alone') expect((await redeliver(id)).status).toBe(202);
    else await gateways[0].app.get(OutboxOperations).redeliverDead(account.atsId, new Date(0), () => undefined);
    await retention();
    await sql('update endpoint set url = $2 where ats_id = $1', [account.atsId, receiver.url]);
    expect(await arrived(id)).toBe(bodyOf(id));
  },
);

/** Redelivers a flow whose row in `table` is being deleted, and lets the deletion commit first. */
async function redeliverBehindExpiry(table: string, id: string) {
  const expiry = new Client({ connectionString: gateways[0].databaseUrl });
  await expiry.connect();
  try {
    await expiry.query(`begin; delete from ${table} where reference_id = '${id}'`);
    const redelivery = redeliver(id);
    await until('the redelivery to wait', async () => {
      const waiting = await sql(
        `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
      );
      return waiting.length > 0;
    });
    await expiry.query('commit');
    return await redelivery;
  } finally {
    await expiry.end();
  }
}

test('a dead message that expires while it is being redelivered is gone, and nothing without a body is queued', async () => {
  const id = await put(31, 'dead');
  await sql(`update dead_message set at = now() - interval '29 days'`);
  await retention();
  expect(await redeliverBehindExpiry('dead_message', id)).toMatchObject({
    status: 404,
    body: { detail: 'There is no such flow, or it has expired' },
  });
  expect(await sql('select from outbox_message')).toHaveLength(0);
});

test('a message that leaves the queue while it is being redelivered is queued anew', async () => {
  const id = await put(5, 'pending');
  expect((await redeliverBehindExpiry('outbox_message', id)).status).toBe(202);
  expect(await arrived(id)).toBe(bodyOf(id));
});
