import { Clock, uuidFloor } from '../../src/database/clock';
import { createDataSource } from '../../src/database/data-source';
import { Database, statement, type Tx } from '../../src/database/database';
import { sqlState } from '../../src/database/faults';
import { Partitions } from '../../src/database/partitions';
import { createDatabase, type TestDatabase } from '../support/postgres';
import { until } from '../support/until';

const TABLES = ['delivery_attempt', 'flow', 'result_event'];
const NO_PARTITION = '23514';

let store: TestDatabase;
const opened: Database[] = [];

beforeEach(async () => {
  store = await createDatabase();
});

afterEach(async () => {
  for (const database of opened.splice(0)) await database.source.destroy();
  await store.drop();
});

async function openDatabase(): Promise<Database> {
  const database = new Database(await createDataSource(store.url, 4).initialize());
  opened.push(database);
  return database;
}

function sql<T extends object>(tx: Tx, text: string, values: unknown[] = []): Promise<T[]> {
  return tx.query<T>(statement('', text), values);
}

function at(iso: string): Clock {
  return { now: () => Date.parse(iso) } as Clock;
}

async function days(database: Database, table: string): Promise<string[]> {
  const rows = await sql<{ name: string }>(
    database,
    `select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
      where i.inhparent = $1::regclass order by 1`,
    [table],
  );
  return rows.map((row) => row.name.slice(table.length + 1));
}

function insertFlow(tx: Tx, referenceId: string): Promise<object[]> {
  return sql(
    tx,
    `insert into flow (reference_id, ats_id, client_id, source, event, entity_id, payload)
     values ($1, 'a', 'c', 'rest', 'candidate.created', 'e', '{}')`,
    [referenceId],
  );
}

/** The id made at that very millisecond, the last one of them when `last`. */
function idAt(iso: string, last = false): string {
  const floor = uuidFloor(Date.parse(iso));
  return last ? `${floor.slice(0, 14)}7fff-bfff-ffffffffffff` : floor;
}

const WEEK_OF_2026_02_27 = [
  ...['20260226', '20260227', '20260228', '20260301', '20260302', '20260303', '20260304', '20260305', '20260306'],
];

test('reach from yesterday to a week ahead, over the end of a month, in every table', async () => {
  const database = await openDatabase();
  await new Partitions(database, at('2026-02-27T12:00:00Z')).ensure();
  for (const table of TABLES) expect(await days(database, table)).toEqual(WEEK_OF_2026_02_27);
});

test.each(['2026-02-27T00:00:00.000Z', '2026-02-27T23:59:59.999Z'])(
  'made at %s fit ids of yesterday, today and in seven days, to the millisecond',
  async (now) => {
    const database = await openDatabase();
    await new Partitions(database, at(now)).ensure();
    for (const [iso, last] of [
      ['2026-02-26T00:00:00.000Z', false],
      ['2026-02-26T23:59:59.999Z', true],
      ['2026-02-27T00:00:00.000Z', false],
      ['2026-02-27T23:59:59.999Z', true],
      ['2026-03-06T00:00:00.000Z', false],
      ['2026-03-06T23:59:59.999Z', true],
    ] as const)
      await insertFlow(database, idAt(iso, last));
    for (const iso of ['2026-02-25T23:59:59.999Z', '2026-03-07T00:00:00.000Z']) {
      const fault: unknown = await insertFlow(database, idAt(iso)).catch((error: unknown) => error);
      expect(sqlState(fault)).toBe(NO_PARTITION);
    }
    const found = await sql<{ day: string }>(
      database,
      'select right(tableoid::regclass::text, 8) as day from flow order by reference_id',
    );
    expect(found.map((row) => row.day)).toEqual([
      ...['20260226', '20260226', '20260227', '20260227', '20260306', '20260306'],
    ]);
  },
);

test('of the real clock take an id of now', async () => {
  const database = await openDatabase();
  const clock = new Clock(database);
  await clock.synchronise();
  await new Partitions(database, clock).ensure();
  await expect(insertFlow(database, clock.uuidv7())).resolves.toEqual([]);
});

test('are the same when several processes ensure them at once, and again', async () => {
  const databases = await Promise.all(Array.from({ length: 4 }, openDatabase));
  const ensure = () =>
    Promise.all(databases.map((database) => new Partitions(database, at('2026-02-27T12:00:00Z')).ensure()));
  await ensure();
  await ensure();
  for (const table of TABLES) expect(await days(databases[0]!, table)).toEqual(WEEK_OF_2026_02_27);
});

test('of the next day are added to those that are there, and none is taken away', async () => {
  const database = await openDatabase();
  await new Partitions(database, at('2026-02-27T12:00:00Z')).ensure();
  await insertFlow(database, idAt('2026-02-26T12:00:00Z'));
  await new Partitions(database, at('2026-02-28T12:00:00Z')).ensure();
  expect(await days(database, 'flow')).toEqual([...WEEK_OF_2026_02_27, '20260307']);
  expect(await sql(database, 'select from flow')).toHaveLength(1);
});

test('have the keys and checks of their table, and a lookup by id reads one day', async () => {
  const database = await openDatabase();
  await new Partitions(database, at('2026-02-27T12:00:00Z')).ensure();
  const id = idAt('2026-02-28T12:00:00Z');
  await insertFlow(database, id);
  await expect(insertFlow(database, id)).rejects.toMatchObject({ code: '23505' });
  await expect(
    sql(database, `update flow set source = 'elsewhere' where reference_id = $1`, [id]),
  ).rejects.toMatchObject({ code: '23514' });
  const plan = await sql<Record<string, string>>(database, `explain select from flow where reference_id = '${id}'`);
  const scanned = plan
    .flatMap((row) => Object.values(row))
    .join('\n')
    .match(/flow_\d{8}(?!_)/g);
  expect(new Set(scanned)).toEqual(new Set(['flow_20260228']));
  const loose = await sql(
    database,
    `select i.relname from pg_index x join pg_class i on i.oid = x.indexrelid join pg_inherits p on p.inhrelid = x.indrelid
      where p.inhparent::regclass::text = any($1) and not exists (select from pg_inherits h where h.inhrelid = i.oid)`,
    [TABLES],
  );
  expect(loose).toEqual([]);
});

test('are ensured beside open transactions that read and write the tables', async () => {
  const database = await openDatabase();
  await new Partitions(database, at('2026-02-26T12:00:00Z')).ensure();
  const user = await openDatabase();
  await user.transaction(async (tx) => {
    await insertFlow(tx, idAt('2026-02-26T12:00:00Z'));
    await sql(tx, 'select from flow, result_event, delivery_attempt');
    await new Partitions(database, at('2026-02-27T12:00:00Z')).ensure();
  });
  expect(await days(database, 'flow')).toEqual(['20260225', ...WEEK_OF_2026_02_27]);
  expect(await sql(database, 'select from flow')).toHaveLength(1);
});

test('wait for a lock in short tries, while traffic goes on, and are there when it is free', async () => {
  const database = await openDatabase();
  await new Partitions(database, at('2026-02-26T12:00:00Z')).ensure();
  const [holder, traffic] = [await openDatabase(), await openDatabase()];
  let tries = 0;
  const { transaction } = Database.prototype;
  jest.spyOn(database, 'transaction').mockImplementation((work, deadlineMs) => {
    tries++;
    return transaction.call(database, work, deadlineMs);
  });
  let ensuring!: Promise<void>;
  await holder.transaction(async (tx) => {
    // What vacuum, analyze and "create index concurrently" hold.
    for (const table of TABLES) await sql(tx, `lock table ${table} in share update exclusive mode`);
    ensuring = new Partitions(database, at('2026-02-27T12:00:00Z')).ensure();
    const lock = async () => {
      const rows = await sql(holder, `select from pg_locks where not granted and relation = 'flow'::regclass`);
      return rows.length > 0;
    };
    await until('the try to wait for its lock', lock);
    await traffic.transaction(async (writer) => {
      await sql(writer, `set local lock_timeout = '50 ms'`);
      await insertFlow(writer, idAt('2026-02-26T12:00:00Z'));
      expect(await sql(writer, 'select from flow')).toHaveLength(1);
    });
    await until('another try', () => tries > 1);
  });
  await ensuring;
  expect(await days(database, 'flow')).toContain('20260306');
  expect(await days(database, 'delivery_attempt')).toContain('20260306');
});
