import { build } from '../support/gateway-process';
import type { Load } from '../support/load';
import { tally } from '../support/load';
import type { Arrival, Manner } from '../support/receiver-process';
import { Scene } from '../support/scene';
import { until } from '../support/until';
import { report } from './fault-table';
import { inForm } from './form';

const ROUNDS = inForm({ short: 1, long: 5 });
/** Refusals of each account in a stretch: enough to open its breaker in a few of the rounds. */
const STRETCH = inForm({ short: 6, long: 25 });
/** Long, for what is answered at once must never seem to be too slow. */
const TIMEOUT_MS = 4000;
/** Longer, so that what was under way before does not pass for what came after. */
const RETRY_AFTER_S = 8;
/** What a timer or a rounded duration may lack. */
const TOLERANCE_MS = 50;

jest.setTimeout(300_000 + ROUNDS * 120_000);

interface Attempt {
  readonly ats_id: string;
  readonly reference_id: string;
  readonly outcome: string;
  readonly status_code: number | null;
  readonly error: string | null;
  readonly duration_ms: number;
}

/** Each account's endpoint has its own trouble; what its attempts are logged as. */
const TROUBLES: Record<string, { fault: string; manner: Manner; logged: Partial<Attempt> }> = {
  failing: {
    fault: 'a receiver answers 500',
    manner: { status: 500 },
    logged: { outcome: 'failure', status_code: 500, error: null },
  },
  resting: {
    fault: 'a receiver answers 429 with Retry-After',
    manner: { status: 429, headers: { 'Retry-After': String(RETRY_AFTER_S) } },
    logged: { outcome: 'failure', status_code: 429, error: null },
  },
  redirecting: {
    fault: 'a receiver answers 301 to a live page',
    manner: { status: 301, headers: { Location: '/page' } },
    logged: { outcome: 'failure', status_code: 301, error: null },
  },
  resetting: {
    fault: 'a receiver resets connections',
    manner: { answer: 'reset' },
    logged: { outcome: 'error', status_code: null, error: 'connection' },
  },
  hanging: {
    fault: 'a receiver never answers',
    manner: { answer: 'none' },
    logged: { outcome: 'error', status_code: null, error: 'timeout' },
  },
  dripping: {
    fault: 'a receiver answers a byte a second',
    manner: { answer: 'drip' },
    logged: { outcome: 'error', status_code: null, error: 'timeout' },
  },
};
const NAMES = Object.keys(TROUBLES);

let scene: Scene;
let load: Load;
let attempts: Attempt[];

beforeAll(async () => {
  await build();
  scene = await Scene.open({ accounts: NAMES, workspaces: ['client-1'] });
  const gateway = await scene.start('all', { DELIVERY_TIMEOUT_MS: String(TIMEOUT_MS) });
  load = scene.startLoad(() => gateway.origin);
  for (let round = 0; round < ROUNDS; round++) {
    for (const name of NAMES) await scene.receiver.behave(name, TROUBLES[name]!.manner);
    const before = scene.receiver.arrivals().length;
    await until('every receiver to have refused for a stretch', () => {
      const since = scene.receiver
        .arrivals()
        .slice(before)
        .filter((a) => !a.taken);
      return NAMES.every((name) => since.filter((a) => a.ats_id === name).length >= STRETCH);
    });
    for (const name of NAMES) await scene.receiver.behave(name, {});
    const well = scene.receiver.arrivals().length;
    await until('every receiver to be served again', () => {
      const since = scene.receiver.arrivals().slice(well);
      return NAMES.every((name) => since.some((a) => a.ats_id === name && a.taken));
    });
  }
  await scene.settle(load);
  attempts = await scene.sql<Attempt>(
    `select ats_id, reference_id, outcome, status_code, error, duration_ms from delivery_attempt
      where direction = 'outgoing' order by id`,
  );
});

afterAll(() => scene.close());

function arrivalsOf(name: string): Arrival[] {
  return scene.receiver.arrivals().filter((arrival) => arrival.ats_id === name);
}

test('all of it is kept, of all receivers together', () =>
  scene.expectKept(load, tally(load.acknowledged, scene.receiver.arrivals())));

test.each(NAMES)('%s for a stretch: retried until it is delivered, once, in order', (name) => {
  const { fault, logged } = TROUBLES[name]!;
  const own = load.acknowledged.filter(({ account }) => account.atsId === name);
  const result = tally(own, arrivalsOf(name));
  const refused = arrivalsOf(name).filter((arrival) => !arrival.taken);
  report(fault, refused.length, result);
  expect(result).toMatchObject({ acknowledged: own.length, delivered: own.length, duplicates: 0 });
  expect(result).toMatchObject({ missing: 0, outOfOrder: 0, unknown: 0, unverified: 0, errors: 0, changed: 0 });

  const failed = attempts.filter((attempt) => attempt.ats_id === name && attempt.outcome !== 'success');
  expect(failed).toHaveLength(refused.length);
  for (const attempt of failed) expect(attempt).toMatchObject(logged);
});

test('a redirect is never followed: nobody asked for the page', async () => {
  expect(await scene.receiver.pageHits()).toBe(0);
});

test('whoever answers with Retry-After is left alone for that long', () => {
  const arrivals = arrivalsOf('resting');
  // Those that were under way when it answered first come all the same.
  const rested = arrivals.filter((arrival, i) => i > 0 && arrival.at - arrivals[i - 1]!.at > TIMEOUT_MS);
  expect(rested.length).toBeGreaterThan(0);
  for (const arrival of rested) {
    const before = arrivals[arrivals.indexOf(arrival) - 1]!;
    if (!before.taken) expect(arrival.at - before.at).toBeGreaterThan(RETRY_AFTER_S * 1000 - TOLERANCE_MS);
  }
});

test.each(['hanging', 'dripping'])('%s costs an attempt its deadline and no more', (name) => {
  const failed = attempts.filter((attempt) => attempt.ats_id === name && attempt.outcome !== 'success');
  for (const { duration_ms } of failed) {
    expect(duration_ms).toBeGreaterThanOrEqual(TIMEOUT_MS - TOLERANCE_MS);
    expect(duration_ms).toBeLessThan(2 * TIMEOUT_MS);
  }
});
