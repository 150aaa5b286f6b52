import { join } from 'node:path';
import { call } from '../support/gateway';
import { build, type GatewayProcess } from '../support/gateway-process';
import type { Acknowledged } from '../support/load';
import { tally } from '../support/load';
import { Scene } from '../support/scene';
import { until } from '../support/until';
import { report } from './fault-table';
import { inForm } from './form';

const ROUNDS = inForm({ short: 1, long: 3 });
const MESSAGES = 200;
const WORKSPACES = Array.from({ length: 20 }, (_, n) => `client-${n}`);
/** The first claim of a batch, and three of the message alone. */
const LIVES = 4;
const POISON = 'c-poison';
const POISONED = {
  NODE_OPTIONS: `--require ${join(__dirname, '..', 'support', 'sabotage.cjs')}`,
  SABOTAGE: 'while applying',
  SABOTAGE_ID: POISON,
};

jest.setTimeout(300_000 + ROUNDS * 60_000);

let scene: Scene;
let api: GatewayProcess;
const acknowledged: Acknowledged[] = [];

beforeAll(async () => {
  await build();
  scene = await Scene.open({ accounts: ['acme'], workspaces: WORKSPACES });
  api = await scene.start('api');
});

afterAll(() => scene.close());

async function write(candidateId: string, clientId: string, sequence: number): Promise<void> {
  const account = scene.accounts[0]!;
  const body = { candidate_id: candidateId, first_name: 'A', last_name: 'B', custom_fields: { sequence } };
  const answer = await call(api, account, '/v1/candidates', { clientId, body });
  expect(answer.status).toBe(202);
  acknowledged.push({ account, clientId, candidateId, sequence, referenceId: String(answer.body.reference_id) });
}

/** Restarts the worker whenever the message has ended it, as a supervisor does; returns how often that was. */
async function restartUntilCalm(): Promise<number> {
  for (let deaths = 0; ; deaths++) {
    const worker = await scene.start('worker', POISONED);
    const drained = async () => (await scene.count('inbox_message')) === 0;
    const ended = await until('the worker to die, or to be done', async () => {
      return worker.hasEnded ? 'dead' : (await drained()) && 'done';
    });
    if (ended === 'done') {
      await scene.queuesToBeEmpty();
      expect(await worker.stop()).toBe(0);
      return deaths;
    }
    // Nobody lives who holds them: what the test does not wait for is the end of their time.
    await scene.sql('update inbox_message set leased_until = now() where leased_until > now()');
  }
}

test('a message that kills its worker every time becomes internal_error; 199 innocents beside it succeed', async () => {
  let deaths = 0;
  for (let round = 0; round < ROUNDS; round++) {
    for (let n = 0; n < MESSAGES; n++) {
      const innocent = `c-${round}-${n}`;
      await write(n === MESSAGES / 2 ? POISON : innocent, WORKSPACES[n % WORKSPACES.length]!, round);
    }
    const died = await restartUntilCalm();
    expect(died).toBe(LIVES);
    deaths += died;
  }
  const arrivals = scene.receiver.arrivals();
  const result = tally(acknowledged, arrivals);
  report(`a message that kills its worker, among ${MESSAGES - 1} innocents`, deaths, result);
  expect(result).toMatchObject({ delivered: ROUNDS * MESSAGES, missing: 0, outOfOrder: 0, unknown: 0, changed: 0 });
  expect(result.errors).toBe(ROUNDS);
  expect(await scene.count('result_event')).toBe(acknowledged.length);

  const failed = acknowledged.filter((w) =>
    arrivals.some((a) => a.reference_id === w.referenceId && a.status === 'error'),
  );
  expect(failed.map((w) => w.candidateId)).toEqual(Array(ROUNDS).fill(POISON));
  const errors = await scene.sql(
    `select body::json->'error'->>'code' as code from result_event where status = 'error'`,
  );
  expect(errors).toEqual(Array(ROUNDS).fill({ code: 'internal_error' }));
});
