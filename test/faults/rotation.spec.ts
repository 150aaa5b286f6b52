import { Accounts } from '../../src/accounts/accounts.service';
import { startGateway, type Gateway } from '../support/gateway';
import { build } from '../support/gateway-process';
import { Scene } from '../support/scene';
import { until } from '../support/until';
import { report } from './fault-table';
import { inForm } from './form';

const ROUNDS = inForm({ short: 2, long: 12 });
/** Long, for a slow delivery that is repeated is no failure of what is proven here. */
const SETTINGS = { DELIVERY_TIMEOUT_MS: '10000' };
/** At the same time: then, of the four secrets that may be live, two are those that a receiver may still hold. */
const RACING = 2;
const BETWEEN = 30;
/** What each account's receiver knows during a rotation, and when it learns the new secret. */
const [OLD, NEW] = ['knows-old', 'knows-new'] as const;

jest.setTimeout(300_000 + ROUNDS * 30_000);

let scene: Scene;
/** For the rotations, as the command line makes them. */
let operator: Gateway;

beforeAll(async () => {
  await build();
  scene = await Scene.open({ accounts: [OLD, NEW] });
  operator = await startGateway({ databaseUrl: scene.databaseUrl, env: { ROLE: 'api' } });
});

afterAll(async () => {
  await operator.close();
  await scene.close();
});

function rotate(atsId: string): Promise<string[]> {
  const accounts = operator.app.get(Accounts);
  return Promise.all(Array.from({ length: RACING }, () => accounts.rotateSecret(atsId, 'outgoing', false, 'test')));
}

async function behaveAll(status: number): Promise<void> {
  for (const atsId of [OLD, NEW]) await scene.receiver.behave(atsId, { lastOnly: true, status });
}

async function untilArrived(atsId: string, taken: boolean, times: number): Promise<void> {
  const before = scene.receiver.arrivals().length;
  await until(`deliveries to ${atsId}`, () => {
    const since = scene.receiver.arrivals().slice(before);
    return since.filter((a) => a.ats_id === atsId && a.taken === taken).length >= times;
  });
}

test('racing rotations during retry chains: receivers that know only an old or only a new secret lose nothing', async () => {
  const gateways = await Promise.all([
    scene.start('api'),
    scene.start('worker', SETTINGS),
    scene.start('worker', SETTINGS),
  ]);
  await behaveAll(200);
  const load = scene.startLoad(() => gateways[0].origin);
  let rotations = 0;
  for (let round = 0; round < ROUNDS; round++) {
    await Promise.all([OLD, NEW].map((atsId) => untilArrived(atsId, true, BETWEEN)));
    await behaveAll(500);
    await Promise.all([OLD, NEW].map((atsId) => untilArrived(atsId, false, 2)));
    const [late, early] = await Promise.all([OLD, NEW].map(rotate));
    rotations += 2 * RACING;
    expect(new Set([...late!, ...early!]).size).toBe(2 * RACING);
    await scene.receiver.know(NEW, early![round % RACING]!);
    await behaveAll(200);
    await Promise.all([OLD, NEW].map((atsId) => untilArrived(atsId, true, BETWEEN)));
    await scene.receiver.know(OLD, late![round % RACING]!);
  }
  const result = await scene.settle(load);
  report('racing rotations of outgoing secrets during retry chains', rotations, result);
  await scene.expectKept(load, result);
  expect(result.duplicates).toBe(0);
  const refused = await scene.sql(`select from delivery_attempt where status_code in (401, 403)`);
  expect(refused).toEqual([]);
});
