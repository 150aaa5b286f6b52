import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { build } from '../support/gateway-process';
import { Scene } from '../support/scene';
import { until } from '../support/until';
import { report } from './fault-table';
import { inForm } from './form';

const ROUNDS = inForm({ short: 3, long: 20 });
/** A round's load before the kill: from the first writes to a queue that has built up. */
const MAX_ACKNOWLEDGED_BEFORE_KILL = 120;
const MAX_DELAY_MS = 100;

jest.setTimeout(300_000 + ROUNDS * 30_000);

let scene: Scene;

beforeAll(build);

beforeEach(async () => {
  scene = await Scene.open();
});

afterEach(() => scene.close());

/** At least one of them, and each as likely as not. */
function someOf<T>(all: readonly T[]): T[] {
  const some = all.filter(() => randomInt(2) === 0);
  return some.length > 0 ? some : [all[randomInt(all.length)]!];
}

/** The first of `roles` is the one that the clients call. */
async function survive(roles: readonly string[]): Promise<void> {
  const gateways = await Promise.all(roles.map((role) => scene.start(role)));
  const load = scene.startLoad(() => gateways[0]!.origin);
  let kills = 0;
  for (let round = 1; round <= ROUNDS; round++) {
    const goal = load.acknowledged.length + randomInt(1, MAX_ACKNOWLEDGED_BEFORE_KILL);
    await until('writes to be acknowledged', () => load.acknowledged.length >= goal);
    // Nothing is waited for: this is what makes the moment random.
    await sleep(randomInt(MAX_DELAY_MS));
    const victims = someOf(roles.map((_, index) => index));
    kills += victims.length;
    await Promise.all(victims.map((index) => gateways[index]!.kill9()));
    await Promise.all(victims.map(async (index) => (gateways[index] = await scene.start(roles[index]!))));
  }
  const result = await scene.settle(load);
  report(`kill -9 at random moments: ${roles.join(' and ')}`, kills, result);
  await scene.expectKept(load, result);
  await scene.expectLastWrites(load, gateways[0]!);
}

test('nothing acknowledged is lost, doubled otherwise than alike, or reordered when the gateway is killed at random moments', () =>
  survive(['all']));

test('nor when its api and worker processes are killed, one of them or both', () => survive(['api', 'worker']));
