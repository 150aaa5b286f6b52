import { Client } from 'pg';
import { EndpointHealth } from '../../src/accounts/endpoint-health.service';
import { hashApiKey } from '../../src/accounts/api-key';
import { Clock } from '../../src/database/clock';
import { createDataSource } from '../../src/database/data-source';
import { Database } from '../../src/database/database';
import { Partitions } from '../../src/database/partitions';
import { Entities } from '../../src/entities/entities.repository';
import type { Result } from '../../src/events/outbound';
import { entityKey } from '../../src/events/results';
import { InboxQueue } from '../../src/inbox/inbox-queue.service';
import * as inboxSql from '../../src/inbox/claim.sql';
import { Inbox, type AcceptRequest } from '../../src/inbox/inbox.service';
import * as outboxSql from '../../src/outbox/outbox.sql';
import { Outbox, type Message, type Settlement } from '../../src/outbox/outbox.service';
import type { WakeUp } from '../../src/queue/wake-up.service';
import { ExplainingDatabase, type Scan } from '../support/explaining-database';
import { createDatabase, type TestDatabase } from '../support/postgres';

const ROWS = 1_000_000;
const ACCOUNTS = 100;
const LEASE_MS = 60_000;
/** What one step of a statement may read: a claim looks at a hundred messages of each account at the most. */
const MAX_ROWS_READ = 10_000;
/** The tables that grow with the work, each day's own among them. */
const GROWING =
  /^(inbox_message|outbox_message|flow|result_event|delivery_attempt|idempotency_key|candidate|kept_event)/;

const ATS_ID = `'a-' || n % ${ACCOUNTS}`;
/** Random ones, as in life; a made flow's time is today's. */
const FILLINGS: Readonly<Record<string, string>> = {
  inbox_message: `(ats_id, client_id, reference_id) select ${ATS_ID}, 'client-' || n % 7, uuidv7() from generate_series(1, ${ROWS}) n`,
  outbox_message: `(ats_id, entity_key, reference_id)
     select ${ATS_ID}, '["client-1","candidate","c-' || n || '"]', uuidv7() from generate_series(1, ${ROWS}) n`,
  idempotency_key: `select ${ATS_ID}, 'client-1', 'rest', 'key-' || n, '\\x00', uuidv7() from generate_series(1, ${ROWS / 10}) n`,
  candidate: `select ${ATS_ID}, 'client-1', 'c-' || n, '{}', now(), now() from generate_series(1, ${ROWS / 10}) n`,
};

let store: TestDatabase;
let client: Client;
let explaining: ExplainingDatabase;
let clock: Clock;
let queue: InboxQueue;
let outbox: Outbox;

beforeAll(async () => {
  store = await createDatabase();
  client = new Client({ connectionString: store.url });
  await client.connect();
  await ensurePartitions();
  await makeAccounts();
  await Promise.all(Object.keys(FILLINGS).map(fill));
  await giveThemBodies();
  explaining = new ExplainingDatabase(client, { ...named('inbox', inboxSql), ...named('outbox', outboxSql) });
  const database = explaining.asDatabase;
  clock = new Clock(database);
  queue = new InboxQueue(database);
  outbox = new Outbox(database, clock, new EndpointHealth(database));
});

beforeEach(() => {
  explaining.forget();
});

afterAll(async () => {
  await client.end();
  await store.drop();
});

function named(room: string, statements: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(statements).map(([name, statement]) => [`${room} ${name}`, statement]));
}

async function ensurePartitions(): Promise<void> {
  const source = await createDataSource(store.url, 2).initialize();
  const database = new Database(source);
  await new Partitions(database, new Clock(database)).ensure();
  await source.destroy();
}

async function makeAccounts(): Promise<void> {
  await client.query(
    `with a as (insert into account (ats_id, name, api_key_hash) select 'a-' || n, 'A', sha256(('key-' || n)::bytea)
                  from generate_series(0, ${ACCOUNTS - 1}) n returning ats_id),
          e as (insert into endpoint (ats_id, url) select ats_id, 'https://example.com/' from a),
          s as (insert into account_secret (ats_id, direction, sealed) select ats_id, 'outgoing', '\\x00' from a)
     insert into workspace (ats_id, client_id) select ats_id, 'client-' || n from a, generate_series(0, 6) n`,
  );
}

/** Its statistics are those of the empty table, and nobody renews them. Indexes built afterwards cost a third. */
async function fill(table: string): Promise<void> {
  const own = new Client({ connectionString: store.url });
  await own.connect();
  await own.query(`alter table ${table} set (autovacuum_enabled = false)`);
  await own.query(`analyze ${table}`);
  const { rows } = await own.query<{ name: string; definition: string }>(
    `select indexrelid::regclass::text as name, pg_get_indexdef(indexrelid) as definition
       from pg_index where indrelid = $1::regclass and not indisprimary`,
    [table],
  );
  for (const { name } of rows) await own.query(`drop index ${name}`);
  await own.query(`insert into ${table} ${FILLINGS[table]}`);
  for (const { definition } of rows) await own.query(definition);
  await own.end();
}

/** Of the messages that will be claimed; a claim finds flow and result by their key. */
async function giveThemBodies(): Promise<void> {
  await client.query(
    `insert into flow (reference_id, ats_id, client_id, source, event, entity_id, payload)
     select reference_id, ats_id, client_id, 'rest', 'candidate.created', 'c-' || id, '{}' from inbox_message where id <= $1`,
    [ROWS / 10],
  );
  await client.query(
    `insert into result_event (reference_id, ats_id, client_id, event, status, body, created_at, position)
     select reference_id, ats_id, 'client-1', 'candidate.created', 'success', '{}', now(), id from outbox_message where id <= $1`,
    [ROWS / 10],
  );
}

/** Each statement with the tables that it looked through otherwise than by an index, or further than it had to. */
function faults(): string[] {
  const bad = ({ table, type, rows }: Scan) => GROWING.test(table) && (type === 'Seq Scan' || rows > MAX_ROWS_READ);
  return explaining.scans.filter(bad).map((s) => `${s.statement}: ${s.type} on ${s.table}, ${s.rows} rows`);
}

function writes(count: number): AcceptRequest[] {
  return Array.from({ length: count }, (_, n) => ({
    caller: { atsId: `a-${n % ACCOUNTS}`, credential: { kind: 'api-key', hash: hashApiKey(`key-${n % ACCOUNTS}`) } },
    clientId: 'client-1',
    userId: 'user-1',
    source: 'rest',
    event: 'candidate.created',
    entityId: `new-${n}`,
    payload: { candidate_id: `new-${n}` },
    // The first hundred have keys that are bound already.
    idempotency: {
      key: n < 100 ? `key-${n + ACCOUNTS}` : `new-${n}`,
      fingerprint: Buffer.of(0),
      field: 'Idempotency-Key',
    },
    incoming: null,
  }));
}

function results(count: number, entity: (n: number) => string): Result[] {
  return Array.from({ length: count }, (_, n) => {
    const write = { clientId: 'client-1', event: 'candidate.created' as const, entityId: entity(n) };
    const atsId = `a-${n % ACCOUNTS}`;
    return { ...write, referenceId: clock.uuidv7(), atsId, entityKey: entityKey(write), error: null, data: {} };
  });
}

function settlement(message: Message, verdict: Settlement['verdict']): Settlement {
  return {
    message,
    verdict,
    waitMs: 5000,
    counted: true,
    effect: null,
    attempt: {
      id: clock.uuidv7(),
      outcome: verdict === 'delivered' ? 'success' : 'failure',
      statusCode: 200,
      error: null,
      durationMs: 1,
      signature: '',
      requestHeaders: {},
      responseHeaders: {},
      responseBody: null,
    },
  };
}

async function claim(): Promise<Message[]> {
  const { accounts } = await outbox.dueAccounts();
  const open = accounts.map(({ atsId }) => ({ atsId, free: 32 }));
  return (await outbox.claim(open, 500, LEASE_MS)).messages;
}

describe('with a million pending and the statistics of empty tables, it reads only what it needs', () => {
  it('to accept, keys that are bound already among them', async () => {
    const inbox = new Inbox(explaining.asDatabase, clock, { hint: () => undefined } as unknown as WakeUp);
    await Promise.all(writes(200).map((write) => inbox.accept(write)));
    expect(explaining.statements).toContain('inbox_bound_to');
    expect(faults()).toEqual([]);
  });

  it('to claim accepted writes, to take them off the queue and to give them back', async () => {
    const batch = await queue.claim();
    expect(batch.length).toBeGreaterThan(100);
    const third = Math.floor(batch.length / 3);
    await explaining.transaction((tx) => queue.settle(tx, batch.slice(0, third)));
    await queue.release(batch.slice(third, -2));
    await queue.putBack(batch.slice(-2, -1));
    await queue.retry(batch.at(-1)!, 1000);
    expect([...explaining.statements].sort()).toEqual(Object.keys(named('inbox', inboxSql)).sort());
    expect(faults()).toEqual([]);
  });

  it('to read and write the entities of a batch', async () => {
    const entities = new Entities(explaining.asDatabase);
    const keys = Array.from({ length: 200 }, (_, n) => ({
      atsId: `a-${n % ACCOUNTS}`,
      clientId: 'client-1',
      entityId: `c-${n}`,
    }));
    await explaining.transaction(async (tx) => {
      await entities.load(tx, 'candidate', keys);
      await entities.existing(tx, 'candidate', keys);
      await entities.save(
        tx,
        'candidate',
        keys.map((key) => ({ ...key, data: {} })),
      );
      await entities.remove(tx, 'candidate', keys);
    });
    expect(explaining.statements.size).toBe(4);
    expect(faults()).toEqual([]);
  });

  it('to append results, to claim them and to settle them', async () => {
    await explaining.transaction((tx) =>
      outbox.append(
        tx,
        results(200, (n) => `r-${n}`),
      ),
    );
    const messages = await claim();
    expect(messages).toHaveLength(500);
    const verdicts = ['delivered', 'retry', 'dead'] as const;
    await outbox.settle(messages.slice(0, 300).map((message, n) => settlement(message, verdicts[n % 3]!)));
    await outbox.release(messages.slice(300));
    expect(explaining.statements).toContain('outbox WAKE');
    expect(faults()).toEqual([]);
  });

  it('to park what stands behind an older message of its entity, and to wake it', async () => {
    await client.query(
      `update outbox_message set entity_key = '["client-1","candidate","one"]' where ats_id = 'a-1' and id <= $1`,
      [ROWS / 10],
    );
    const messages = await claim();
    await outbox.settle(messages.filter((m) => m.atsId === 'a-1').map((message) => settlement(message, 'delivered')));
    expect(explaining.statements).toContain('outbox PARK');
    expect(faults()).toEqual([]);
  });
});
