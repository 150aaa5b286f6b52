import { AsyncLocalStorage } from 'node:async_hooks';
import { Poller } from '../../src/queue/poller';

/** Work that ends when the test says so. */
function setUp() {
  const runs: { more(): void; done(): void; fail(fault: unknown): void }[] = [];
  const errors: unknown[] = [];
  let active = 0;
  let mostActive = 0;
  const poller = new Poller(
    () => {
      mostActive = Math.max(mostActive, ++active);
      return new Promise<boolean>((resolve, reject) => {
        runs.push({ more: () => resolve(true), done: () => resolve(false), fail: reject });
      }).finally(() => active--);
    },
    (error) => errors.push(error),
  );
  return { poller, runs, errors, mostActive: () => mostActive };
}

/** Everything that was already decided has happened. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

test('a nudge looks for work at once', () => {
  const { poller, runs } = setUp();
  poller.nudge();
  expect(runs).toHaveLength(1);
});

test('work is repeated as long as there may be more, and no longer', async () => {
  const { poller, runs } = setUp();
  poller.nudge();
  for (let i = 0; i < 3; i++) {
    runs[i]!.more();
    await settled();
  }
  expect(runs).toHaveLength(4);
  runs[3]!.done();
  await settled();
  expect(runs).toHaveLength(4);
});

test('runs never overlap, however many nudges there are', async () => {
  const { poller, runs, mostActive } = setUp();
  for (let i = 0; i < 20; i++) {
    poller.nudge();
    poller.nudge();
    runs.at(-1)!.more();
    await settled();
  }
  expect(runs.length).toBeGreaterThan(10);
  expect(mostActive()).toBe(1);
});

test('nudges during a run make one more look, and only one', async () => {
  const { poller, runs } = setUp();
  poller.nudge();
  poller.nudge();
  poller.nudge();
  expect(runs).toHaveLength(1);
  runs[0]!.done();
  await settled();
  expect(runs).toHaveLength(2);
  runs[1]!.done();
  await settled();
  expect(runs).toHaveLength(2);
});

test('a nudge at any moment of a run’s end is not lost', async () => {
  for (let turns = 0; turns < 12; turns++) {
    const { poller, runs } = setUp();
    poller.nudge();
    runs[0]!.done();
    for (let turn = 0; turn < turns; turn++) await Promise.resolve();
    poller.nudge();
    await settled();
    expect(runs).toHaveLength(2);
    runs[1]!.done();
    await settled();
  }
});

test('an error is told and ends the run; the next nudge works', async () => {
  const { poller, runs, errors } = setUp();
  const fault = new Error('broken');
  poller.nudge();
  poller.nudge();
  runs[0]!.fail(fault);
  await settled();
  expect(errors).toEqual([fault]);
  expect(runs).toHaveLength(1);
  poller.nudge();
  expect(runs).toHaveLength(2);
  runs[1]!.more();
  await settled();
  expect(runs).toHaveLength(3);
});

test('work that throws before it is a promise is an error like any other', async () => {
  const errors: unknown[] = [];
  const poller = new Poller(
    () => {
      throw new Error('broken');
    },
    (error) => errors.push(error),
  );
  poller.nudge();
  await settled();
  poller.nudge();
  await settled();
  expect(errors).toHaveLength(2);
});

test('stop waits for the batch under way, and none begins after it', async () => {
  const { poller, runs } = setUp();
  poller.nudge();
  poller.nudge();
  let stopped = false;
  const stop = poller.stop().then(() => (stopped = true));
  await settled();
  expect(stopped).toBe(false);
  runs[0]!.more();
  await stop;
  poller.nudge();
  await settled();
  expect(runs).toHaveLength(1);
});

test('stop of an idle poller is immediate', async () => {
  await expect(setUp().poller.stop()).resolves.toBeUndefined();
});

test('a run belongs to no nudger’s context', async () => {
  const context = new AsyncLocalStorage<string>();
  const seen: (string | undefined)[] = [];
  const poller = context.run(
    'made here',
    () =>
      new Poller(
        async () => {
          seen.push(context.getStore());
          return false;
        },
        () => undefined,
      ),
  );
  context.run('a request', () => poller.nudge());
  context.run('another', () => poller.nudge());
  await settled();
  expect(seen).toEqual(['made here', 'made here']);
});
