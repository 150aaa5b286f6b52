import { EndpointHealth } from '../../src/accounts/endpoint-health.service';
import { Clock } from '../../src/database/clock';
import { createDataSource } from '../../src/database/data-source';
import { Database, statement } from '../../src/database/database';
import { Partitions } from '../../src/database/partitions';
import { InboxQueue } from '../../src/inbox/inbox-queue.service';
import { Outbox, type Message, type Settlement } from '../../src/outbox/outbox.service';
import { ScoringTasks } from '../../src/scoring/scoring-tasks.service';
import { FINISH } from '../../src/scoring/scoring.sql';
import { createDatabase, type TestDatabase } from '../support/postgres';

/** By their keys once an account's rows lie on one node: there, what the rest of a key is may be another account's too. */
const KEYS = {
  inbox_message: 'id',
  outbox_message: 'id',
  scoring_task: 'reference_id',
  flow: 'reference_id',
  result_event: 'reference_id',
  kept_event: 'reference_id',
};
const QUEUES = ['inbox_message', 'outbox_message', 'scoring_task'];
/** Stands before the account at work in every order, so that a search by the rest of the key finds its row first. */
const [TWIN, OWN] = ['A', 'a'];
const ENTITIES = ['x', 'x', 'x', 'y', 'z', 'w'];

let store: TestDatabase;
let database: Database;
let clock: Clock;
let references: string[];

beforeEach(async () => {
  store = await createDatabase();
  database = new Database(await createDataSource(store.url, 3).initialize());
  clock = new Clock(database);
  await clock.synchronise();
  await new Partitions(database, clock).ensure();
  for (const [table, key] of Object.entries(KEYS)) {
    await sql(`alter table ${table} drop constraint ${table}_pkey, add primary key (ats_id, ${key})`);
  }
  references = ENTITIES.map(() => clock.uuidv7());
  for (const atsId of [TWIN, OWN]) await fill(atsId);
});

afterEach(async () => {
  await database.source.destroy();
  await store.drop();
});

function sql<T extends object>(text: string, values: unknown[] = []): Promise<T[]> {
  return database.query<T>(statement('', text), values);
}

/** Only the account at work has a lane and a due task: what happens to the twin's rows, happens by mistake. */
async function fill(atsId: string): Promise<void> {
  await sql('insert into account (ats_id, name, api_key_hash) values ($1::text, $1::text, sha256($1::text::bytea))', [
    atsId,
  ]);
  await sql(`insert into endpoint (ats_id, url) values ($1, 'https://example.com')`, [atsId]);
  if (atsId === OWN) await sql(`insert into workspace (ats_id, client_id) values ($1, 'c')`, [atsId]);
  await sql(
    `with t as (select * from unnest($2::uuid[], $3::text[]) with ordinality t(reference_id, entity, n)), f as (
       insert into flow (reference_id, ats_id, client_id, source, event, entity_id, payload)
       select reference_id, $1, 'c', 'rest', 'candidate.created', entity, to_json($1) from t), r as (
       insert into result_event (reference_id, ats_id, client_id, event, status, body, created_at, position)
       select reference_id, $1, 'c', 'candidate.created', 'success', $1, now(), n from t where n > 3), k as (
       insert into kept_event (reference_id, ats_id, event, body)
       select reference_id, $1, 'candidate.created', $1 from t where n <= 3), s as (
       insert into scoring_task (reference_id, ats_id, client_id, application_id, data, callback_token, deadline_at, available_at)
       select reference_id, $1, 'c', entity, '{}', '', now() + interval '1 hour',
              case $1 when '${OWN}' then now() else 'infinity' end from t), i as (
       insert into inbox_message (id, ats_id, client_id, reference_id) overriding system value
       select n, $1, 'c', reference_id from t)
     insert into outbox_message (id, ats_id, entity_key, reference_id) overriding system value
     select n, $1, entity, reference_id from t`.replaceAll('$1', '$1::text'),
    [atsId, references, ENTITIES],
  );
}

/** Gives the twin the rows of the account at work, claims included, and does something to the latter's. */
async function untouched<T>(work: () => Promise<T>, mirrored = true): Promise<T> {
  for (const table of mirrored ? QUEUES : []) {
    await sql(`delete from ${table} where ats_id = $1`, [TWIN]);
    await sql(
      `insert into ${table} overriding system value
       select (jsonb_populate_record(null::${table}, to_jsonb(t) || jsonb_build_object('ats_id', $1::text))).*
         from ${table} t where ats_id = $2`,
      [TWIN, OWN],
    );
  }
  const before = await rowsOfTwin();
  const result = await work();
  expect(await rowsOfTwin()).toEqual(before);
  return result;
}

function rowsOfTwin(): Promise<object[]> {
  const each = QUEUES.map(
    (table) => `select '${table}' as table, to_jsonb(t) as row from ${table} t where ats_id = $1`,
  );
  return sql(`select * from (${each.join(' union all ')}) r order by r.table, row::text`, [TWIN]);
}

function settlement(message: Message, verdict: Settlement['verdict']): Settlement {
  const attempt = { outcome: 'success', statusCode: 200, error: null, durationMs: 1, signature: '' } as const;
  const headers = { requestHeaders: {}, responseHeaders: {}, responseBody: null };
  const effects = { waitMs: 5000, counted: true, effect: null };
  return { message, verdict, ...effects, attempt: { id: clock.uuidv7(), ...attempt, ...headers } };
}

describe('with another account whose rows have the same keys but for the account, each statement touches its own alone', () => {
  it('of the inbox', async () => {
    const queue = new InboxQueue(database);
    const batch = await untouched(() => queue.claim(), false);
    expect(batch.map((m) => [m.id, m.payload])).toEqual(ENTITIES.map((_, n) => [String(n + 1), OWN]));
    const [retried, suspect, released, ...settled] = batch;
    expect(await untouched(() => database.transaction((tx) => queue.settle(tx, settled)))).toEqual(settled);
    await untouched(() => queue.release([released!]));
    await untouched(() => queue.putBack([suspect!]));
    await untouched(() => queue.retry(retried!, 1000));
    expect(await sql('select from inbox_message where ats_id = $1 and leased_until > now()', [OWN])).toEqual([]);
  });

  it('of the outbox', async () => {
    const outbox = new Outbox(database, clock, new EndpointHealth(database));
    const claim = () => outbox.claim([{ atsId: OWN, free: 8 }], 8, 60_000);
    const { messages, parked } = await untouched(claim);
    expect(parked).toBe(true);
    expect(messages.map((m) => [m.id, m.body])).toEqual(['1', '4', '5', '6'].map((id) => [id, OWN]));
    const verdicts = ['delivered', 'retry', 'dead'] as const;
    await untouched(() => outbox.settle(verdicts.map((verdict, n) => settlement(messages[n]!, verdict))));
    await untouched(() => outbox.release([messages[3]!]));
    const again = await untouched(claim);
    expect(again.messages.map((m) => m.id).sort()).toEqual(['2', '6']);
    expect(await sql('select from delivery_attempt where ats_id = $1', [OWN])).toHaveLength(3);
  });

  it('of the scoring', async () => {
    const tasks = new ScoringTasks(database, new Outbox(database, clock, new EndpointHealth(database)));
    const claimed = await untouched(() => tasks.claim(8, new Map(), 8, 60_000), false);
    expect(claimed).toHaveLength(ENTITIES.length);
    const [released, retried, awaited, finished] = claimed;
    await untouched(() => tasks.release(released!));
    await untouched(() => tasks.retry(retried!, 1000, 'a fault'));
    await untouched(() => tasks.await(awaited!));
    const { atsId, referenceId, attempt } = finished!;
    expect(await untouched(() => database.query(FINISH, [atsId, referenceId, attempt]))).toHaveLength(1);
  });
});
