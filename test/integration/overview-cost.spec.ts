import { Client } from 'pg';
import { readEnv } from '../../src/config/read-env';
import { Accounts } from '../../src/accounts/accounts.service';
import { Clock, uuidFloor } from '../../src/database/clock';
import { createDataSource } from '../../src/database/data-source';
import { Database } from '../../src/database/database';
import { DeliveryFigures } from '../../src/delivery-log/delivery-figures.service';
import { DeliveryRoller } from '../../src/delivery-log/delivery-roller.service';
import * as rollupSql from '../../src/delivery-log/rollup.sql';
import { OutboxWaiting } from '../../src/outbox/outbox-waiting.service';
import { weekBefore } from '../../src/portal/overview/chart-slots';
import { Overviews } from '../../src/portal/overview/overview.service';
import { ExplainingDatabase } from '../support/explaining-database';
import { startGateway, type Gateway } from '../support/gateway';
import { makePortalUser, PortalClient } from '../support/portal';

const ATTEMPTS = 1_000_000;
const OF_OTHERS = 50_000;
const PENDING = 100_000;
const DAY_MS = 86_400_000;
/** The newest of them, too young to be rolled up: more than anybody looks at. */
const TAIL = 20_000;
const MAX_ROWS_READ = 5000;
const GROWING = /^(delivery_attempt|outbox_message|dead_message|delivery_rollup$)/;

let gateway: Gateway;
let client: Client;
let now: number;

beforeAll(async () => {
  gateway = await startGateway({ env: { ROLE: 'api' } });
  client = new Client({ connectionString: gateway.databaseUrl });
  await client.connect();
  now = Date.now();
  for (const name of ['big', 'small', 'none']) {
    await gateway.app.get(Accounts).create({ atsId: name, name, webhookUrl: 'https://example.com/' }, 'test');
  }
  await makePortalUser(gateway, 'big', 'ann@big.example');
  for (let day = 2; day <= 7; day++) await makeDay(Math.floor(now / DAY_MS) * DAY_MS - day * DAY_MS);
  await client.query('drop index delivery_attempt_flow');
  // The planner's statistics stay those of the empty tables.
  for (const table of ['delivery_rollup', 'outbox_message', 'dead_message']) {
    await client.query(`alter table ${table} set (autovacuum_enabled = false)`);
  }
  await fill('big', ATTEMPTS - TAIL, now - 6.5 * DAY_MS, now - 200_000);
  await fill('big', TAIL, now - 60_000, now);
  await fill('small', OF_OTHERS, now - 6.5 * DAY_MS, now);
  await client.query(
    `insert into outbox_message (ats_id, entity_key, reference_id, failures, available_at)
     select 'big', 'entity-' || n, uuidv7(), 3, case when n % 3 = 0 then 'infinity' else now() + n * interval '1 s' end
       from generate_series(1, ${PENDING}) n`,
  );
  await client.query(
    `insert into dead_message (reference_id, ats_id, entity_key, failures, state)
     select uuidv7(), 'big', 'dead-' || n, 12, 'dead' from generate_series(1, 5000) n`,
  );
  await client.query('update delivery_rollup_mark set rolled_before = $1', [uuidFloor(now - 7 * DAY_MS)]);
});

afterAll(async () => {
  await client.end();
  await gateway.close();
});

async function makeDay(from: number): Promise<void> {
  const name = `delivery_attempt_${new Date(from).toISOString().slice(0, 10).replaceAll('-', '')}`;
  await client.query(
    `create table ${name} partition of delivery_attempt for values from ('${uuidFloor(from)}') to ('${uuidFloor(from + DAY_MS)}')`,
  );
}

/** Evenly between two times, of every outcome, from 1 to 5,000 ms. */
async function fill(atsId: string, count: number, from: number, to: number): Promise<void> {
  await client.query(
    `insert into delivery_attempt (id, ats_id, reference_id, direction, number, outcome, status_code, duration_ms, request_headers)
     select (lpad(to_hex(floor($2::float8 + ($3::float8 - $2::float8) * n / ${count})::bigint), 12, '0')
             || lpad(to_hex(n), 20, '0'))::uuid,
            $1, '019db49a-860b-74cb-8199-635ca3ad7f59', 'outgoing', 1,
            case when n % 50 = 0 then 'failure' when n % 77 = 0 then 'error' else 'success' end,
            200, (n * 7919::bigint) % 5000, '{"content-type":"application/json","user-agent":"CarvOS-Webhooks/1"}'
       from generate_series(1, ${count}) n`,
    [atsId, from, to],
  );
}

async function took(work: () => Promise<unknown>): Promise<number> {
  const before = performance.now();
  await work();
  return performance.now() - before;
}

const named = (room: string, statements: object): Record<string, unknown> =>
  Object.fromEntries(Object.entries(statements).map(([name, statement]) => [`${room} ${name}`, statement]));

function faults(explaining: ExplainingDatabase): string[] {
  return explaining.scans
    .filter(({ table, type, rows }) => GROWING.test(table) && (type === 'Seq Scan' || rows > MAX_ROWS_READ))
    .map((s) => `${s.statement}: ${s.type} on ${s.table}, ${s.rows} rows`);
}

test('a roller reads what is new, and of a million attempts no more', async () => {
  const explaining = new ExplainingDatabase(client, named('rollup', rollupSql));
  const env = readEnv({ NODE_ENV: 'test', DATABASE_URL: gateway.databaseUrl, ENCRYPTION_KEY: '07'.repeat(32) });
  await client.query('update delivery_rollup_mark set rolled_before = $1', [uuidFloor(now - 3_600_000)]);
  const clock = gateway.app.get(Clock);
  await new DeliveryRoller(explaining.asDatabase, clock, env).roll();
  expect([...explaining.statements]).toContain('rollup ROLL');
  expect(faults(explaining)).toEqual([]);

  await client.query('truncate delivery_rollup');
  await client.query('update delivery_rollup_mark set rolled_before = $1', [uuidFloor(now - 7 * DAY_MS)]);
  const ms = await took(() => new DeliveryRoller(gateway.app.get(Database), clock, env).roll());
  const { rows } = await client.query<{ attempts: number; rows: number }>(
    'select sum(success + failure + error)::int as attempts, count(*)::int as rows from delivery_rollup',
  );
  expect(rows[0]!.attempts).toBeGreaterThan(ATTEMPTS - TAIL);
  console.log(`A week of a million attempts was rolled up in ${Math.round(ms)} ms, into ${rows[0]!.rows} rows`);
});

test('opening the Overview reads as little of a million attempts as of a thousand', async () => {
  await client.query(
    `insert into delivery_rollup select 'other-' || n, hour, success, failure, error, latencies, last_success_id, last_failure_id
       from delivery_rollup, generate_series(1, 100) n where ats_id = 'big'`,
  );
  const explaining = new ExplainingDatabase(client, {});
  await new DeliveryFigures(explaining.asDatabase).since('big', weekBefore(now));
  const waiting = await new OutboxWaiting(explaining.asDatabase).of('big');
  expect(waiting).toMatchObject({ pending: 1001, dead: 1001 });
  expect(explaining.scans.length).toBeGreaterThan(5);
  expect(faults(explaining)).toEqual([]);

  const browser = new PortalClient(gateway.origin);
  await browser.signIn('ann@big.example');
  const overviews = gateway.app.get(Overviews);
  const [figures, pages]: [number[], number[]] = [[], []];
  for (let n = 0; n < 11; n++) {
    figures.push(await took(() => overviews.of('big')));
    pages.push(await took(async () => expect((await browser.get('/portal?range=7d')).status).toBe(200)));
  }
  const median = (all: number[]) => Math.round(all.toSorted((a, b) => a - b)[5]!);
  console.log(`The Overview’s figures took ${median(figures)} ms, the whole page ${median(pages)} ms (medians of 11)`);
});

test('an account without anything costs nothing', async () => {
  const source = await createDataSource(gateway.databaseUrl, 1).initialize();
  const figures = await new DeliveryFigures(new Database(source)).since('none', weekBefore(now));
  expect(figures).toEqual({ hours: [], complete: true, lastSuccessAt: null, lastFailureId: null });
  await source.destroy();
});
