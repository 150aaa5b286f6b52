import { randomInt } from 'node:crypto';
import { build } from '../support/gateway-process';
import { Scene } from '../support/scene';
import { until } from '../support/until';

const STOPS = 3;
/** From the first writes to a queue that has built up. */
const MAX_ACKNOWLEDGED_BEFORE_STOP = 120;
/** Long, for a slow delivery that is repeated is no failure of what is proven here. */
const SETTINGS = { DELIVERY_TIMEOUT_MS: '30000' };

let scene: Scene;

beforeAll(async () => {
  await build();
  scene = await Scene.open();
});

afterAll(() => scene.close());

test('a gateway that is told to stop under load ends with 0, loses nothing and delivers nothing twice', async () => {
  let gateway = await scene.start('all', SETTINGS);
  const load = scene.startLoad(() => gateway.origin);
  for (let round = 1; round <= STOPS; round++) {
    const goal = load.acknowledged.length + randomInt(1, MAX_ACKNOWLEDGED_BEFORE_STOP);
    await until('writes to be acknowledged', () => load.acknowledged.length >= goal);
    expect(await gateway.stop()).toBe(0);
    gateway = await scene.start('all', SETTINGS);
  }
  const result = await scene.settle(load);
  await scene.expectKept(load, result);
  expect(result.duplicates).toBe(0);
});
