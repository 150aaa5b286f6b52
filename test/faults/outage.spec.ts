import { build } from '../support/gateway-process';
import { Scene } from '../support/scene';
import { until } from '../support/until';
import { report } from './fault-table';
import { inForm } from './form';

const ROUNDS = inForm({ short: 1, long: 3 });
/** Long, for a slow delivery that is repeated is no failure of what is proven here. */
const SETTINGS = { DELIVERY_TIMEOUT_MS: '10000' };
const BEFORE_FAULT = 60;
const FAILURES_TO_OPEN = 20;

jest.setTimeout(300_000 + ROUNDS * 120_000);

let scene: Scene;

beforeAll(async () => {
  await build();
  scene = await Scene.open({ accounts: ['acme'] });
});

afterAll(() => scene.close());

interface Breaker {
  readonly failures_in_row: number;
  readonly open: boolean;
  readonly rested: boolean;
}

async function breaker(): Promise<Breaker> {
  const [row] = await scene.sql<Breaker>(
    `select failures_in_row, breaker_pause_ms > 0 as open, paused_until <= now() as rested from endpoint`,
  );
  return row!;
}

/** What the waiting messages have used up of their schedules. */
async function usedUp(): Promise<number> {
  return (await scene.sql<{ n: number }>('select coalesce(sum(failures), 0)::int as n from outbox_message'))[0]!.n;
}

test('a receiver that is down opens its breaker: what waits uses up no attempts, and all of it arrives when it is back', async () => {
  const [api] = await Promise.all([
    scene.start('api'),
    scene.start('worker', SETTINGS),
    scene.start('worker', SETTINGS),
  ]);
  const load = scene.startLoad(() => api.origin);
  for (let round = 0; round < ROUNDS; round++) {
    const goal = load.acknowledged.length + BEFORE_FAULT;
    await until('writes to be acknowledged', () => load.acknowledged.length >= goal);
    await scene.receiver.listen(false);
    await until('the breaker to open', async () => (await breaker()).open);
    await until('what was in flight to end', async () => {
      return (await scene.count('outbox_message where leased_until > now()')) === 0;
    });
    // It would end on a machine that is slow enough.
    await scene.sql(`update endpoint set paused_until = paused_until + interval '1 hour'`);
    const [before, { failures_in_row }] = [await usedUp(), await breaker()];
    expect(failures_in_row).toBeGreaterThanOrEqual(FAILURES_TO_OPEN);
    const waiting = await scene.count('outbox_message');
    await until('more to wait', async () => (await scene.count('outbox_message')) > waiting + BEFORE_FAULT);
    expect((await breaker()).rested).toBe(false);
    // A probe that fails leaves its message's schedule alone as well.
    await scene.sql(`update endpoint set paused_until = now()`);
    await until('the probe to fail', async () => (await breaker()).failures_in_row > failures_in_row);
    expect(await usedUp()).toBe(before);
    expect((await breaker()).failures_in_row).toBe(failures_in_row + 1);

    await scene.receiver.listen(true);
    await scene.sql(`update endpoint set paused_until = now()`);
    await until('the breaker to close', async () => !(await breaker()).open);
  }
  const result = await scene.settle(load);
  report('a receiver is down for a stretch, and back', ROUNDS, result);
  await scene.expectKept(load, result);
  expect(result.duplicates).toBe(0);
});
