import { EndpointHealth } from '../../src/accounts/endpoint-health.service';
import { Clock } from '../../src/database/clock';
import { createDataSource } from '../../src/database/data-source';
import { Database, statement } from '../../src/database/database';
import { Partitions } from '../../src/database/partitions';
import { SQL as ENTITIES } from '../../src/entities/entities.sql';
import { InboxQueue } from '../../src/inbox/inbox-queue.service';
import { Outbox, type Message, type Settlement } from '../../src/outbox/outbox.service';
import { createDatabase, type TestDatabase } from '../support/postgres';
import { until } from '../support/until';

const QUEUES = ['inbox_message', 'outbox_message'];
const [ACCOUNTS, EACH] = [20, 1000];
const ONE_ENTITYS = 5000;
const [FREE, MANY] = [8, 25];
/** More often than a statement is planned anew before the server keeps a plan. */
const CALM_RUNS = 10;
/** Once through a queue for a whole batch may be cheap, through an account's part of it for each message never is. */
const MAX_READS_PER_MESSAGE = EACH / 20;

/** What is compared with all of the queue, message by message, takes more than a hundred times as long. */
const MAX_RATIO = 20;

let store: TestDatabase;
let database: Database;
let clock: Clock;
let outbox: Outbox;
let inbox: InboxQueue;

beforeAll(async () => {
  store = await createDatabase();
  // One connection, which therefore keeps what plans it has.
  database = new Database(await createDataSource(store.url, 1).initialize());
  clock = new Clock(database);
  await clock.synchronise();
  await new Partitions(database, clock).ensure();
  outbox = new Outbox(database, clock, new EndpointHealth(database));
  inbox = new InboxQueue(database);
  await sql(`insert into account (ats_id, name, api_key_hash)
             select 'a' || n, 'a', n::text::bytea from generate_series(1, ${ACCOUNTS}) n`);
  await sql(`insert into endpoint (ats_id, url) select ats_id, 'https://example.com' from account`);
  await sql(`insert into account_secret (ats_id, direction, sealed) select ats_id, 'outgoing', '' from account`);
  await sql(`insert into workspace (ats_id, client_id) select ats_id, 'c' from account`);
});

afterAll(async () => {
  await database.source.destroy();
  await store.drop();
});

function sql<T extends object>(text: string, values: unknown[] = []): Promise<T[]> {
  return database.query<T>(statement('', text), values);
}

/** Accepted and processed at once, so that both queues grow. */
async function enqueue(each: number): Promise<void> {
  const ids = Array.from({ length: ACCOUNTS * each }, () => clock.uuidv7());
  await sql(
    `with t as (select id, 'a' || 1 + n % ${ACCOUNTS} as ats_id from unnest($1::uuid[]) with ordinality t(id, n)), f as (
       insert into flow (reference_id, ats_id, client_id, source, event, entity_id, payload)
       select id, ats_id, 'c', 'rest', 'candidate.created', id::text, '{}' from t), r as (
       insert into result_event (reference_id, ats_id, client_id, event, status, body, created_at, position)
       select id, ats_id, 'c', 'candidate.created', 'success', '{}', now(), 1 from t), i as (
       insert into inbox_message (ats_id, client_id, reference_id) select ats_id, 'c', id from t)
     insert into outbox_message (ats_id, entity_key, reference_id) select ats_id, id::text, id from t`,
    [ids],
  );
}

function delivered(message: Message): Settlement {
  const attempt = { outcome: 'success', statusCode: 200, error: null, durationMs: 1, signature: '' } as const;
  const headers = { requestHeaders: {}, responseHeaders: {}, responseBody: null };
  const effects = { verdict: 'delivered', waitMs: 0, counted: true, effect: null } as const;
  return { message, ...effects, attempt: { id: clock.uuidv7(), ...attempt, ...headers } };
}

/** What a worker does with both queues; resolves to how many messages it took. */
async function work(free = FREE): Promise<number> {
  const { accounts } = await outbox.dueAccounts();
  const offers = accounts.map(({ atsId }) => ({ atsId, free }));
  const { messages } = await outbox.claim(offers, 1000, 60_000);
  await outbox.settle(messages.map(delivered));
  const batch = await inbox.claim();
  await database.transaction((tx) => inbox.settle(tx, batch));
  return messages.length + batch.length;
}

async function reads(...tables: string[]): Promise<number> {
  await sql('select pg_stat_force_next_flush()');
  const [row] = await sql<{ n: number }>(
    `select (sum(t.seq_tup_read) + (select sum(idx_tup_read) from pg_stat_user_indexes i
                                     where i.relname = any($1)))::float8 as n
       from pg_stat_user_tables t where t.relname = any($1)`,
    [tables],
  );
  return row!.n;
}

/** Until it left nothing dead: while the server analyses any table of this database itself, dead rows outlive a vacuum. */
async function vacuum(queue: string, options = 'analyze'): Promise<void> {
  await until(`a vacuum of ${queue} that leaves nothing dead`, async () => {
    await sql('select pg_stat_force_next_flush()');
    await sql(`vacuum (${options}) ${queue}`);
    const [row] = await sql<{ dead: number }>(
      'select n_dead_tup::float8 as dead from pg_stat_user_tables where relname = $1',
      [queue],
    );
    return row!.dead === 0;
  });
}

test('queues that fill after a long calm are worked off by their indexes, not read whole for each message', async () => {
  await enqueue(1);
  await work();
  // As autovacuum leaves a queue in calm: a page, and nothing in it.
  for (const queue of QUEUES) await vacuum(queue);
  for (let run = 0; run < CALM_RUNS; run++) {
    await enqueue(1);
    expect(await work()).toBe(2 * ACCOUNTS);
  }
  await expectFewReads();
});

test('nor when they held one entity alone, and were analysed, before the others came', async () => {
  await sql('truncate inbox_message, outbox_message');
  await sql(`insert into outbox_message (ats_id, entity_key, reference_id, available_at)
             select 'a1', 'one', gen_random_uuid(), case when n = 1 then now() else 'infinity' end
               from generate_series(1, ${ONE_ENTITYS}) n`);
  await sql(`insert into inbox_message (ats_id, client_id, reference_id)
             select 'a1', 'c', gen_random_uuid() from generate_series(1, ${ONE_ENTITYS}) n`);
  for (const queue of QUEUES) await vacuum(queue);
  await expectFewReads();
});

test('nor when they were nearly empty at their last vacuum, and their pages were not', async () => {
  for (const left of [40, 400, 2000]) {
    await sql('truncate inbox_message, outbox_message');
    await enqueue(EACH);
    const apart = (ACCOUNTS * EACH) / left;
    for (const queue of QUEUES) {
      // Some of the last page too, or the vacuum would give the pages back.
      await sql(`delete from ${queue} where id % ${apart} > 0 and id < (select max(id) from ${queue})`);
      await vacuum(queue);
      await sql(`delete from ${queue}`);
    }
    await expectFewReads();
  }
});

test('nor is work dear when their last vacuum found nothing in them but pages: they are thought empty, however full', async () => {
  const emptied = async (): Promise<void> => {
    await sql('truncate inbox_message, outbox_message');
    await enqueue(EACH / 10);
    await sql('delete from inbox_message');
    await sql('delete from outbox_message');
  };
  const full = async (prepare: () => Promise<unknown>): Promise<number> => {
    const times: number[] = [];
    for (let round = 0; round < 3; round++) {
      await emptied();
      await prepare();
      await enqueue(EACH);
      const begun = performance.now();
      expect(await work(MANY)).toBeGreaterThan(ACCOUNTS * MANY);
      times.push(performance.now() - begun);
    }
    return Math.min(...times);
  };
  const known = await full(() => sql('truncate inbox_message, outbox_message'));
  const thoughtEmpty = await full(async () => {
    for (const queue of QUEUES) await vacuum(queue, 'analyze, truncate false');
  });
  process.stdout.write(`work on queues thought empty, to that on others: ${(thoughtEmpty / known).toFixed(1)}\n`);
  expect(thoughtEmpty / known).toBeLessThan(MAX_RATIO);
});

/** Fills both queues and works on them once. */
async function expectFewReads(): Promise<void> {
  await enqueue(EACH);
  const before = await reads('inbox_message', 'outbox_message');
  const taken = await work();
  expect(taken).toBeGreaterThan(ACCOUNTS * FREE);
  const perMessage = ((await reads('inbox_message', 'outbox_message')) - before) / taken;
  process.stdout.write(`rows read for each message of ${ACCOUNTS * EACH}: ${perMessage.toFixed(1)}\n`);
  expect(perMessage).toBeLessThan(MAX_READS_PER_MESSAGE);
}

test('a claim follows the index until it has enough, however much its account has due', async () => {
  await sql('truncate inbox_message, outbox_message');
  for (let n = 0; n < 3; n++) await enqueue(EACH);
  for (const table of ['inbox_message', 'flow', 'outbox_message', 'result_event'])
    await sql(`update ${table} set ats_id = 'a1'`);
  for (const queue of QUEUES) await vacuum(queue, 'analyze false');
  const before = await reads('outbox_message');
  const { messages } = await outbox.claim([{ atsId: 'a1', free: FREE }], FREE, 60_000);
  expect(messages).toHaveLength(FREE);
  // Looked at and claimed, in the indexes and in the table.
  expect((await reads('outbox_message')) - before).toBeLessThan(20 * FREE);

  const beforeInbox = await reads('inbox_message');
  const batch = await inbox.claim();
  expect(batch.length).toBeGreaterThan(FREE);
  expect((await reads('inbox_message')) - beforeInbox).toBeLessThan(20 * batch.length);
});

test('what was done is not looked at again by every claim, though a snapshot keeps it in the indexes', async () => {
  await sql('truncate inbox_message, outbox_message');
  const holder = await createDataSource(store.url, 1).initialize();
  const snapshot = holder.createQueryRunner();
  const real = performance.now.bind(performance);
  let ahead = 0;
  jest.spyOn(performance, 'now').mockImplementation(() => real() + ahead);
  try {
    await snapshot.query('begin isolation level repeatable read');
    await snapshot.query('select from account');
    const done = `'a' || 1 + n % ${ACCOUNTS} as ats_id, gen_random_uuid(), now() - interval '1 hour'`;
    const many = `generate_series(1, ${ACCOUNTS * EACH}) n`;
    await sql(
      `insert into inbox_message (client_id, ats_id, reference_id, available_at) select 'c', ${done} from ${many}`,
    );
    await sql(
      `insert into outbox_message (entity_key, ats_id, reference_id, available_at) select n, ${done} from ${many}`,
    );
    for (const queue of QUEUES) await sql(`delete from ${queue}`);
    const perMessage: number[] = [];
    for (let round = 0; round < 10; round++) {
      await enqueue(FREE);
      const before = await reads(...QUEUES);
      const taken = await work();
      expect(taken).toBe(2 * ACCOUNTS * FREE);
      perMessage.push(((await reads(...QUEUES)) - before) / taken);
      // The marks need to have been learnt; then every so often a claim looks at everything all the same.
      if (round < 5) ahead += 1000;
    }
    const usual = Math.min(...perMessage);
    process.stdout.write(
      `rows read for each message under a snapshot: ${perMessage[0]?.toFixed(1)}, ${usual.toFixed(1)}\n`,
    );
    expect(usual).toBeLessThan(MAX_READS_PER_MESSAGE);
    expect(perMessage[0]).toBeGreaterThan(MAX_READS_PER_MESSAGE);
  } finally {
    jest.restoreAllMocks();
    await snapshot.query('rollback');
    await snapshot.release();
    await holder.destroy();
  }
});

test('entities are found by their key, however much their workspace has grown since the statement was planned', async () => {
  const load = (ids: string[]) =>
    database.query(ENTITIES.candidate.load, [ids.map(() => 'a1'), ids.map(() => 'c'), ids]);
  for (let run = 0; run < CALM_RUNS; run++) await load(['0']);
  await sql(`insert into candidate (ats_id, client_id, candidate_id, data, created_at, updated_at)
             select 'a1', 'c', n, '{}', now(), now() + n * interval '1 microsecond' from generate_series(1, ${EACH * 10}) n`);
  const before = await reads('candidate');
  const found = await load(Array.from({ length: 100 }, (_, n) => String(2 * EACH * n)));
  expect(found).toHaveLength(5);
  // One row looked at for each, the index and the table counted apart.
  expect((await reads('candidate')) - before).toBeLessThanOrEqual(2 * 100);
});
