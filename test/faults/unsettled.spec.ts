import { build, type GatewayProcess } from '../support/gateway-process';
import type { Manner } from '../support/receiver-process';
import { Scene } from '../support/scene';
import { TableLock } from '../support/table-lock';
import { until } from '../support/until';
import { report } from './fault-table';
import { inForm } from './form';

const ROUNDS = inForm({ short: 1, long: 5 });
/** Long, for a slow delivery that is repeated is no failure of what is proven here. */
const SETTINGS = { DELIVERY_TIMEOUT_MS: '10000' };
const BEFORE_FAULT = 40;

jest.setTimeout(300_000 + ROUNDS * 60_000);

let scene: Scene;
let lock: TableLock;
let api: GatewayProcess;

beforeAll(async () => {
  await build();
  scene = await Scene.open();
  lock = await TableLock.open(scene.databaseUrl);
  api = await scene.start('api');
});

afterAll(async () => {
  await lock.close();
  await scene.close();
});

function behave(manner: Manner): Promise<unknown> {
  return Promise.all(scene.accounts.map(({ atsId }) => scene.receiver.behave(atsId, manner)));
}

test('a worker killed while the answer is on its way, or in its hands, repeats those deliveries alike and loses none', async () => {
  const load = scene.startLoad(() => api.origin);
  let worker = await scene.start('worker', SETTINGS);
  let [kills, unsettled] = [0, 0];
  for (const answered of Array.from({ length: ROUNDS }, () => [false, true]).flat()) {
    const goal = load.acknowledged.length + BEFORE_FAULT;
    await until('writes to be acknowledged', () => load.acknowledged.length >= goal);
    const before = scene.receiver.arrivals().length;
    await behave({ answer: 'hold' });
    await until('a delivery to be held', () => scene.receiver.arrivals().length > before);
    if (answered) {
      await lock.take('delivery_attempt', 'exclusive');
      await behave({});
      await lock.stopsSomebody('delivery_attempt');
    }
    await worker.kill9();
    kills++;
    await (answered ? lock.release() : behave({}));
    unsettled += await scene.count('outbox_message where leased_until > now()');
    worker = await scene.start('worker', SETTINGS);
  }
  const result = await scene.settle(load);
  report('kill -9 between send and settle', kills, result);
  await scene.expectKept(load, result);
  // What was in flight when a worker died comes twice, and nothing else.
  expect(result.duplicates).toBeGreaterThanOrEqual(kills);
  expect(result.duplicates).toBeLessThanOrEqual(unsettled);
});
