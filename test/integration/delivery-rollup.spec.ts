import fc from 'fast-check';
import { Client } from 'pg';
import { readEnv } from '../../src/config/read-env';
import { Clock, uuidFloor, uuidTime } from '../../src/database/clock';
import { createDataSource } from '../../src/database/data-source';
import { Database } from '../../src/database/database';
import { Partitions } from '../../src/database/partitions';
import { DeliveryFigures, OUTCOMES, type Figures, type Outcome } from '../../src/delivery-log/delivery-figures.service';
import { DeliveryRoller } from '../../src/delivery-log/delivery-roller.service';
import { merged, percentile } from '../../src/delivery-log/latency';
import { createDatabase, type TestDatabase } from '../support/postgres';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** No attempt commits later than this after its beginning, with the timeout that is usual. */
const LAG_MS = 120_000;

interface Attempt {
  readonly atsId: string;
  readonly at: number;
  readonly outcome: Outcome;
  readonly durationMs: number;
  readonly direction: 'outgoing' | 'incoming';
  readonly test: boolean;
}

let store: TestDatabase;
let client: Client;
let databases: Database[];
let clock: Clock;
let rollers: DeliveryRoller[];
let figures: DeliveryFigures;

beforeAll(async () => {
  store = await createDatabase();
  client = new Client({ connectionString: store.url });
  await client.connect();
  databases = await Promise.all(
    [0, 1, 2].map(async () => {
      const source = await createDataSource(store.url, 3, (one) => {
        one.on('error', () => undefined);
        return Promise.resolve();
      }).initialize();
      return new Database(source);
    }),
  );
  clock = new Clock(databases[0]!);
  await clock.synchronise();
  await new Partitions(databases[0]!, clock).ensure();
  const env = readEnv({ NODE_ENV: 'test', DATABASE_URL: store.url, ENCRYPTION_KEY: '07'.repeat(32) });
  rollers = databases.map((database) => new DeliveryRoller(database, clock, env));
  figures = new DeliveryFigures(databases[0]!);
  await client.query(
    `insert into account (ats_id, name, api_key_hash) select n, n, sha256(n::bytea) from unnest('{acme,globex}'::text[]) n`,
  );
});

beforeEach(async () => {
  await client.query('truncate delivery_attempt, delivery_rollup');
  await setMark(clock.now() - DAY_MS);
});

afterAll(async () => {
  await Promise.all(databases.map((database) => database.source.destroy()));
  await client.end();
  await store.drop();
});

async function setMark(at: number): Promise<void> {
  await client.query('update delivery_rollup_mark set rolled_before = $1', [uuidFloor(at)]);
}

async function mark(): Promise<number> {
  const { rows } = await client.query<{ rolled_before: string }>('select rolled_before from delivery_rollup_mark');
  return uuidTime(rows[0]!.rolled_before);
}

let made = 0;

async function put(attempts: readonly Attempt[]): Promise<void> {
  const ids = attempts.map(({ at }) => uuidFloor(at).slice(0, 24) + (++made).toString(16).padStart(12, '0'));
  await client.query(
    `insert into delivery_attempt (id, ats_id, outcome, duration_ms, direction, test, number)
     select *, 1 from unnest($1::uuid[], $2::text[], $3::text[], $4::int[], $5::text[], $6::bool[])`,
    [
      ids,
      attempts.map((a) => a.atsId),
      attempts.map((a) => a.outcome),
      attempts.map((a) => a.durationMs),
      attempts.map((a) => a.direction),
      attempts.map((a) => a.test),
    ],
  );
}

const attempt = (at: number, changes: Partial<Attempt> = {}): Attempt => ({
  atsId: 'acme',
  at,
  outcome: 'success',
  durationMs: 40,
  direction: 'outgoing',
  test: false,
  ...changes,
});

const since = (): number => Math.floor((clock.now() - DAY_MS) / HOUR_MS) * HOUR_MS;

type Counts = Record<string, Record<Outcome, number>>;

/** By hand, from what was put. */
function naive(attempts: readonly Attempt[], atsId: string): Counts {
  const counts: Counts = {};
  for (const { at, outcome, ...rest } of attempts) {
    if (rest.atsId !== atsId || rest.direction === 'incoming' || rest.test) continue;
    const hour = new Date(Math.floor(at / HOUR_MS) * HOUR_MS).toISOString();
    counts[hour] ??= { success: 0, failure: 0, error: 0 };
    counts[hour][outcome] += 1;
  }
  return counts;
}

const counted = ({ hours }: Figures): Counts =>
  Object.fromEntries(hours.map(({ at, attempts }) => [new Date(at).toISOString(), { ...attempts }]));

async function expectCounted(attempts: readonly Attempt[]): Promise<void> {
  for (const atsId of ['acme', 'globex']) {
    expect(counted(await figures.since(atsId, since()))).toEqual(naive(attempts, atsId));
  }
}

/** Attempts of the last 23 hours, now and then many at a time. */
function spread(count: number): Attempt[] {
  const now = clock.now();
  return Array.from({ length: count }, (_, n) =>
    attempt(now - ((n * 7_919_777) % (23 * HOUR_MS)), {
      atsId: n % 3 === 0 ? 'globex' : 'acme',
      outcome: OUTCOMES[n % 7] ?? 'success',
      durationMs: (n * 37) % 5000,
      test: n % 11 === 0,
      direction: n % 13 === 0 ? 'incoming' : 'outgoing',
    }),
  );
}

describe('each attempt counts once', () => {
  test('rolled up, not rolled up, or half, whatever they are: as counted by hand', async () => {
    const anyAttempt = fc.record({
      atsId: fc.constantFrom('acme', 'globex'),
      at: fc.integer({ min: 0, max: 3 * HOUR_MS }),
      outcome: fc.constantFrom(...OUTCOMES),
      durationMs: fc.integer({ min: 0, max: 60_000 }),
      direction: fc.constantFrom('outgoing' as const, 'outgoing' as const, 'incoming' as const),
      test: fc.boolean(),
    });
    const anyDay = fc.array(anyAttempt, { maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(anyDay, fc.integer({ min: 0, max: 3 * HOUR_MS }), async (made, startedBefore) => {
        await client.query('truncate delivery_attempt, delivery_rollup');
        const now = Math.floor(clock.now());
        const attempts = made.map((one) => ({ ...one, at: now - one.at }));
        await setMark(now - 4 * HOUR_MS);
        await put(attempts);
        await expectCounted(attempts);
        await rollers[0]!.roll();
        await expectCounted(attempts);
        const later = [attempt(now, { durationMs: startedBefore % 999 }), attempt(now - LAG_MS / 2)];
        await put(later);
        await rollers[1]!.roll();
        await expectCounted([...attempts, ...later]);
      }),
      { numRuns: 25 },
    );
  });

  test('by rollers that race', async () => {
    const attempts = spread(3000);
    await put(attempts);
    await Promise.all([...rollers, ...rollers, ...rollers].map((roller) => roller.roll()));
    // Who came second left it to the first, who may have been taken for gone.
    await rollers[0]!.roll();
    expect(clock.now() - (await mark())).toBeLessThan(LAG_MS + 60_000);
    await expectCounted(attempts);
  });

  test('by a roller that dies between counting and moving the mark, and its successor', async () => {
    const attempts = spread(500);
    await put(attempts);
    await client.query(`
      create function die() returns trigger language plpgsql as $$
        begin
          if (select count(*) from delivery_rollup) > 4 then perform pg_terminate_backend(pg_backend_pid()); end if;
          return new;
        end $$;
      create trigger die before update on delivery_rollup_mark for each row execute function die()`);
    await expect(rollers[0]!.roll()).rejects.toThrow();
    const stopped = await mark();
    expect(clock.now() - stopped).toBeGreaterThan(HOUR_MS);
    await expectCounted(attempts);
    await client.query('drop trigger die on delivery_rollup_mark; drop function die');
    await rollers[1]!.roll();
    expect(await mark()).toBeGreaterThan(stopped);
    await expectCounted(attempts);
  });

  test('also one that commits as late as it may', async () => {
    await rollers[0]!.roll();
    expect(await mark()).toBeLessThanOrEqual(clock.now() - LAG_MS);
    const late = [attempt(await mark())];
    await put(late);
    await expectCounted(late);
  });
});

describe('what is kept', () => {
  test('the figures outlive the days that they were counted from, and a roller walks over days that are gone', async () => {
    const attempts = [attempt(clock.now() - 3 * HOUR_MS)];
    await put(attempts);
    await rollers[0]!.roll();
    await client.query('truncate delivery_attempt');
    await setMark(clock.now() - 6 * DAY_MS);
    await client.query(`delete from delivery_rollup where hour < now() - interval '6 days'`);
    await rollers[0]!.roll();
    await expectCounted(attempts);
    const { lastFailureId, lastSuccessAt } = await figures.since('acme', since());
    expect([lastFailureId, lastSuccessAt]).toEqual([null, Math.floor(attempts[0]!.at)]);
  });

  test('less than eight days, and of every account', async () => {
    await client.query(
      `insert into delivery_rollup select a, now() - n * interval '25 hours', 1, 0, 0, '{1}'
         from unnest('{acme,globex}'::text[]) a, generate_series(1, 20) n`,
    );
    await rollers[0]!.expire();
    const { rows } = await client.query(
      `select ats_id, count(*)::int as days from delivery_rollup group by 1 order by 1`,
    );
    expect(rows).toEqual(['acme', 'globex'].map((ats_id) => ({ ats_id, days: 7 })));
  });
});

describe('what is read from it', () => {
  test('the last failure with its reason, the last success, and nobody else’s', async () => {
    const now = clock.now();
    await put([
      attempt(now - 5 * HOUR_MS, { outcome: 'error' }),
      attempt(now - 4 * HOUR_MS, { outcome: 'failure' }),
      attempt(now - 3 * HOUR_MS),
      attempt(now - 2 * HOUR_MS, { outcome: 'failure', test: true }),
      attempt(now - 1 * HOUR_MS, { outcome: 'failure', atsId: 'globex' }),
    ]);
    await client.query(`update delivery_attempt set status_code = 503 where outcome = 'failure'`);
    await rollers[0]!.roll();
    const { lastFailureId, lastSuccessAt } = await figures.since('acme', since());
    expect(lastSuccessAt).toBe(Math.floor(now - 3 * HOUR_MS));
    const failure = await figures.failure('acme', lastFailureId!);
    expect(failure).toMatchObject({ at: Math.floor(now - 4 * HOUR_MS), statusCode: 503 });
    expect(await figures.failure('globex', lastFailureId!)).toMatchObject({ statusCode: null });
  });

  test('percentiles at most 10 % away from those of the durations themselves, of answers only', async () => {
    const durations = Array.from({ length: 999 }, (_, n) => Math.round(10 * 1.006 ** n) + (n % 7));
    const now = clock.now();
    await put(durations.map((durationMs) => attempt(now - 2 * HOUR_MS, { durationMs })));
    await put(durations.map(() => attempt(now - 2 * HOUR_MS, { durationMs: 5000, outcome: 'error' })));
    await rollers[0]!.roll();
    const { hours } = await figures.since('acme', since());
    const latencies = merged(hours.map((hour) => hour.latencies));
    const sorted = [...durations].sort((a, b) => a - b);
    for (const part of [0.05, 0.5, 0.95, 1]) {
      const exact = sorted[Math.ceil(part * sorted.length) - 1]!;
      expect(Math.abs(percentile(latencies, part)! / exact - 1)).toBeLessThan(0.1);
    }
    expect(percentile([], 0.5)).toBeNull();
  });

  test('of more than can be looked at one by one it says that it is not whole', async () => {
    await put(Array.from({ length: 2001 }, (_, n) => attempt(clock.now() - n)));
    const { complete, hours } = await figures.since('acme', since());
    expect(complete).toBe(false);
    expect(hours.reduce((sum, hour) => sum + hour.attempts.success, 0)).toBe(2001);
    expect((await figures.since('globex', since())).complete).toBe(true);
  });
});
