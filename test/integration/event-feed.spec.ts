import { randomInt } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { Client } from 'pg';
import { hashApiKey } from '../../src/accounts/api-key';
import { Clock, uuidFloor } from '../../src/database/clock';
import { Database, statement, type Tx } from '../../src/database/database';
import { Partitions } from '../../src/database/partitions';
import type { Result } from '../../src/events/outbound';
import { migrateDown, migrateUp } from '../../src/database/migrate';
import { READ } from '../../src/feed/event-feed.service';
import { Retention } from '../../src/ops/retention.service';
import { Outbox } from '../../src/outbox/outbox.service';
import { call, makeAccount, startGateway, type Gateway, type TestAccount } from '../support/gateway';
import { createDatabase } from '../support/postgres';
import type { ResultBody } from '../support/receiver';
import { until } from '../support/until';

const DAY_MS = 86_400_000;

let gateway: Gateway;
let database: Database;
let outbox: Outbox;
let accounts = 0;

beforeAll(async () => {
  // Nothing is processed here but what a test appends.
  gateway = await startGateway({ env: { ROLE: 'api', DATABASE_POOL_SIZE: '24' } });
  database = gateway.app.get(Database);
  outbox = new Outbox(database, gateway.app.get(Clock), undefined as never);
});

afterAll(() => gateway.close());

function sql<T extends object>(text: string, values: unknown[] = []): Promise<T[]> {
  return database.query<T>(statement('', text), values);
}

const newAccount = (): Promise<TestAccount> => makeAccount(gateway, `account-${accounts++}`, null, []);

/** @param at when its flow was accepted */
function result(atsId: string, entity: string, sequence: number, at?: number): Result {
  const referenceId =
    at === undefined
      ? gateway.app.get(Clock).uuidv7()
      : uuidFloor(at).slice(0, 24) +
        randomInt(2 ** 47)
          .toString(16)
          .padStart(12, '0');
  const data = { candidate_id: entity, sequence };
  return { referenceId, atsId, clientId: 'c', event: 'candidate.updated', entityKey: entity, error: null, data };
}

const append = (...results: Result[]): Promise<void> => database.transaction((tx) => outbox.append(tx, results));

interface Read {
  readonly status: number;
  readonly body: { data: ResultBody[]; next_cursor: string; has_more: boolean; oldest_cursor?: string };
}

async function read(account: TestAccount, query: Record<string, string> = {}): Promise<Read> {
  const { status, body } = await call(gateway, account, `/v1/events?${new URLSearchParams(query).toString()}`);
  return { status, body: body as unknown as Read['body'] };
}

const sequences = ({ body }: Read): unknown[] => body.data.map((e) => e.data.sequence);

/** Reads on from its last cursor for as long as it is told to, as a subscriber does. */
class Reader {
  readonly seen: ResultBody[] = [];
  private cursor: string | undefined;
  private stopping = false;
  private readonly reading = this.run();

  constructor(
    private readonly account: TestAccount,
    private readonly limit: number,
  ) {}

  async stop(): Promise<ResultBody[]> {
    this.stopping = true;
    await this.reading;
    return this.seen;
  }

  private async run(): Promise<void> {
    // One page more after the last commit.
    for (let last = false; ;) {
      await pause(0);
      const after: Record<string, string> = this.cursor === undefined ? {} : { after: this.cursor };
      const { status, body } = await read(this.account, { limit: String(this.limit), ...after });
      if (status !== 200) throw new Error(`answered ${status}`);
      this.seen.push(...body.data);
      this.cursor = body.next_cursor;
      if (last && body.data.length === 0) return;
      last = this.stopping;
    }
  }
}

describe('beside racing writers', () => {
  const WRITERS = 12;
  const ROUNDS = 25;

  /** Appends a few results of its own entities to several accounts, dawdles, and commits or not. */
  async function write(writer: number, targets: readonly TestAccount[], committed: Result[]): Promise<void> {
    for (let round = 0; round < ROUNDS; round++) {
      const batch = targets.flatMap(({ atsId }) =>
        Array.from({ length: randomInt(4) }, (_, n) => result(atsId, `e-${writer}`, round * 10 + n)),
      );
      const rollback = randomInt(5) === 0;
      const work = async (tx: Tx): Promise<void> => {
        await tx.query(statement('', 'select pg_sleep($1)'), [randomInt(15) / 1000]);
        if (batch.length > 0) await outbox.append(tx, batch);
        await tx.query(statement('', 'select pg_sleep($1)'), [randomInt(4) / 1000]);
        if (rollback) throw new Error('rolled back');
      };
      await database.transaction(work).catch((error: unknown) => {
        if ((error as Error).message !== 'rolled back') throw error;
      });
      if (!rollback) committed.push(...batch);
    }
  }

  test('readers who poll all the time miss nothing, see nothing twice, and each entity in its order', async () => {
    const targets = await Promise.all([newAccount(), newAccount(), newAccount()]);
    const readers = targets.flatMap((account) => [new Reader(account, 3), new Reader(account, 200)]);
    const committed: Result[] = [];
    // Half of them go through the accounts in the other order.
    await Promise.all(
      Array.from({ length: WRITERS }, (_, n) => write(n, n % 2 ? targets : targets.toReversed(), committed)),
    );
    for (const [n, seen] of (await Promise.all(readers.map((reader) => reader.stop()))).entries()) {
      const account = targets[Math.floor(n / 2)]!;
      const own = committed.filter((r) => r.atsId === account.atsId);
      expect(own.length).toBeGreaterThan(100);
      expect(seen.map((e) => e.reference_id).sort()).toEqual(own.map((r) => r.referenceId).sort());
      for (let writer = 0; writer < WRITERS; writer++) {
        const order = seen.filter((e) => e.data.candidate_id === `e-${writer}`).map((e) => Number(e.data.sequence));
        expect(order).toEqual(order.toSorted((a, b) => a - b));
      }
      const afresh = new Reader(account, 150);
      expect((await afresh.stop()).map((e) => e.event_id)).toEqual(seen.map((e) => e.event_id));
    }
    const gaps = await sql(
      `select ats_id from result_event group by ats_id having max(position) <> count(*) or min(position) <> 1`,
    );
    expect(gaps).toEqual([]);
  });

  test('a result that is not committed holds back those behind it, and no other account', async () => {
    const [account, other] = [await newAccount(), await newAccount()];
    let commit!: () => void;
    const held = new Promise<void>((resolve) => (commit = resolve));
    let reached!: () => void;
    const appended = new Promise<void>((resolve) => (reached = resolve));
    const slow = database.transaction(async (tx) => {
      await outbox.append(tx, [result(account.atsId, 'slow', 1)]);
      reached();
      await held;
    });
    await appended;
    const fast = append(result(account.atsId, 'fast', 2));
    await append(result(other.atsId, 'other', 3));
    await until('the second to wait', async () => {
      const waiting = await sql(
        `select from pg_stat_activity where wait_event = 'transactionid' and datname = current_database()`,
      );
      return waiting.length > 0;
    });
    expect(sequences(await read(account))).toEqual([]);
    expect(sequences(await read(other))).toEqual([3]);
    commit();
    await Promise.all([slow, fast]);
    expect(sequences(await read(account))).toEqual([1, 2]);
  });
});

describe('retention', () => {
  const midnight = (daysAgo: number): number => (Math.floor(Date.now() / DAY_MS) - daysAgo) * DAY_MS;
  const noon = (daysAgo: number): number => midnight(daysAgo) + DAY_MS / 2;

  beforeEach(async () => {
    for (const daysAgo of [10, 9, 8, 7, 6]) {
      const from = midnight(daysAgo);
      const name = `result_event_${new Date(from).toISOString().slice(0, 10).replaceAll('-', '')}`;
      await sql(`create table if not exists ${name} partition of result_event
                   for values from ('${uuidFloor(from)}') to ('${uuidFloor(from + DAY_MS)}')`);
    }
  });

  test('answers 410 to a cursor from before, with the one to go on with; no result goes by unannounced', async () => {
    const account = await newAccount();
    // The fourth was accepted early and processed late.
    const days = [9, 8, 7, 8, 7, 6];
    for (const [n, day] of days.entries()) await append(result(account.atsId, 'e', n + 1, noon(day)));
    const cursors = [
      '',
      ...(await Promise.all(
        days.map(async (_, n) => (await read(account, { limit: String(n + 1) })).body.next_cursor),
      )),
    ];
    await gateway.app.get(Retention).run();
    for (const after of cursors.slice(1, 4)) {
      const { status, body } = await read(account, { after });
      expect([status, body]).toEqual([
        410,
        {
          type: 'about:blank',
          title: 'Gone',
          status: 410,
          detail: expect.any(String),
          oldest_cursor: cursors[4],
          request_id: expect.any(String),
        },
      ]);
    }
    const oldest = await read(account, { after: cursors[4]! });
    expect([oldest.status, sequences(oldest), oldest.body.has_more]).toEqual([200, [5, 6], false]);
    expect(sequences(await read(account))).toEqual([5, 6]);
    expect(sequences(await read(account, { after: cursors[5]! }))).toEqual([6]);
    await append(result(account.atsId, 'e', 7));
    expect(sequences(await read(account))).toEqual([5, 6, 7]);
  });

  test('leaves an account of which everything is gone a cursor that still holds', async () => {
    const account = await newAccount();
    await append(result(account.atsId, 'e', 1, noon(9)));
    const { body } = await read(account);
    await gateway.app.get(Retention).run();
    const empty = await read(account, { after: body.next_cursor });
    expect([empty.status, empty.body]).toEqual([200, { data: [], next_cursor: body.next_cursor, has_more: false }]);
    await append(result(account.atsId, 'e', 2));
    expect(sequences(await read(account, { after: body.next_cursor }))).toEqual([2]);
  });

  test('the floor stands before the first day goes', async () => {
    const account = await newAccount();
    await append(result(account.atsId, 'e', 1, noon(8)), result(account.atsId, 'e', 2));
    const partitions = gateway.app.get(Partitions);
    const drop = jest.spyOn(partitions, 'dropBefore').mockImplementation(async (table) => {
      if (table === 'result_event') expect(sequences(await read(account))).toEqual([2]);
      return [];
    });
    await gateway.app.get(Retention).run();
    expect(drop).toHaveBeenCalledWith('result_event', expect.anything());
    drop.mockRestore();
  });
});

test('a page is read from the index, however many results the account and the others have', async () => {
  const account = await newAccount();
  await sql(
    `insert into result_event (reference_id, ats_id, client_id, event, status, body, created_at, position)
     select uuidv7(now() - now() + (n % 3) * interval '1 day'), case when n % 2 = 0 then $1 else 'x' end, 'c', 'e', 'success', '{}', now(), n
       from generate_series(1, 60000) n`,
    [account.atsId],
  );
  await sql('analyze result_event');
  const client = new Client({ connectionString: gateway.databaseUrl });
  await client.connect();
  try {
    await client.query('set plan_cache_mode = force_generic_plan');
    await client.query(`prepare page(text, bytea, bigint, int) as ${READ.text}`);
    await client.query('insert into event_feed (ats_id, last_position) values ($1, 60000)', [account.atsId]);
    const { rows } = await client.query<{ 'QUERY PLAN': string }>(
      `explain (analyze, costs off, timing off)
       execute page('${account.atsId}', '\\x${hashApiKey(account.apiKey).toString('hex')}', 30000, 100)`,
    );
    const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
    expect(plan).toContain('Merge Append');
    expect(plan).not.toContain('Seq Scan on result_event');
    const scanned = [...plan.matchAll(/Index Scan using result_event\S* on .*actual rows=([\d.]+)/g)].map(([, n]) =>
      Number(n),
    );
    expect(scanned.reduce((a, b) => a + b)).toBeLessThan(110);
  } finally {
    await client.end();
  }
});

test('the migration numbers what was there by the time it was made, account by account', async () => {
  const store = await createDatabase();
  const client = new Client({ connectionString: store.url });
  await client.connect();
  try {
    for (;;) if ((await migrateDown(store.url)) === 'EventFeed1763900300000') break;
    await client.query(`create table result_event_rest partition of result_event default`);
    await client.query(
      `insert into result_event (reference_id, ats_id, client_id, event, status, body, created_at)
       select uuidv7(), a, 'c', 'e', 'success', n::text, now() + n * interval '1 s'
         from unnest(array['a', 'b']) a, unnest(array[3, 1, 2]) n`,
    );
    await migrateUp(store.url);
    const { rows } = await client.query(
      'select ats_id, array_agg(body order by position) as bodies, max(position)::int from result_event group by 1 order by 1',
    );
    expect(rows).toEqual([
      { ats_id: 'a', bodies: ['1', '2', '3'], max: 3 },
      { ats_id: 'b', bodies: ['1', '2', '3'], max: 3 },
    ]);
    const feeds = await client.query('select ats_id, last_position::int, floor::int from event_feed order by 1');
    expect(feeds.rows).toEqual(['a', 'b'].map((ats_id) => ({ ats_id, last_position: 3, floor: 0 })));
  } finally {
    await client.end();
    await store.drop();
  }
});
