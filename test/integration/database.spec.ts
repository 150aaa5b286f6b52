import { createDataSource } from '../../src/database/data-source';
import { Database, limit, statement } from '../../src/database/database';
import { DatabaseUnavailable } from '../../src/database/faults';
import { createDatabase, type TestDatabase } from '../support/postgres';

const PID = statement('', 'select pg_backend_pid() as pid');
const LIMITS = statement(
  '',
  `select current_setting('statement_timeout') as statement, current_setting('lock_timeout') as lock,
          current_setting('idle_in_transaction_session_timeout') as idle`,
);
const SLEEP = statement('', 'select pg_sleep($1::int)');
const USUAL = { statement: '27s', lock: '0', idle: '30s' };

let store: TestDatabase;
/** Of one connection. */
let database: Database;

beforeAll(async () => {
  store = await createDatabase();
  database = new Database(await createDataSource(store.url, 1, limit).initialize());
});

afterAll(async () => {
  await database.source.destroy();
  await store.drop();
});

async function pid(): Promise<number> {
  const [row] = await database.query<{ pid: number }>(PID);
  return row!.pid;
}

test('a statement that outlives its deadline fails, and its connection is closed, so that nobody waits behind it', async () => {
  const before = await pid();
  const begun = performance.now();
  const given = database.query(SLEEP, [60], 200);
  await expect(given).rejects.toMatchObject({ deadline: true });
  await expect(given).rejects.toBeInstanceOf(DatabaseUnavailable);
  expect(await pid()).not.toBe(before);
  // The server's own limit would end it after 27 s.
  expect(performance.now() - begun).toBeLessThan(15_000);
});

test('a transaction that outlives its deadline is ended by the server too', async () => {
  let inside = 0;
  const given = database.transaction(async (tx) => {
    inside = (await tx.query<{ pid: number }>(PID))[0]!.pid;
    await tx.query(SLEEP, [20]);
  }, 1000);
  await expect(given).rejects.toMatchObject({ deadline: true });
  const left = statement('', `select from pg_stat_activity where pid = $1 and state = 'active'`);
  expect(await database.query(left, [inside])).toEqual([]);
});

test('whatever runs on a connection has a limit on the server, also a transaction of entities', async () => {
  expect(await database.query(LIMITS)).toEqual([USUAL]);
  const entities = await database.source.transaction((manager) => manager.query<object[]>(LIMITS.text));
  expect(entities).toEqual([USUAL]);
  const shorter = { statement: '1800ms', lock: '0', idle: '2s' };
  expect(await database.transaction((tx) => tx.query(LIMITS), 2000)).toEqual([shorter]);
});

test('a session has the limits of its own deadline, and leaves the usual ones', async () => {
  const own = await database.session(async (tx) => {
    await tx.query(statement('', 'set lock_timeout = 500'));
    return tx.query(LIMITS);
  }, 120_000);
  expect(own).toEqual([{ statement: '108s', lock: '500ms', idle: '2min' }]);
  expect(await database.query(LIMITS)).toEqual([USUAL]);
});
