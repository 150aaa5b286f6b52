import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { call } from '../support/gateway';
import { build } from '../support/gateway-process';
import type { Acknowledged } from '../support/load';
import { tally } from '../support/load';
import { Scene } from '../support/scene';
import { report } from './fault-table';
import { inForm } from './form';

const ROUNDS = inForm({ short: 3, long: 20 });
/** Long, for a slow delivery that is repeated is no failure of what is proven here. */
const SETTINGS = { DELIVERY_TIMEOUT_MS: '10000' };
const TWINS = 50;
const CANDIDATE = 'c-lost-answer';
const DIES = {
  NODE_OPTIONS: `--require ${join(__dirname, '..', 'support', 'sabotage.cjs')}`,
  SABOTAGE: 'after commit',
  SABOTAGE_ID: CANDIDATE,
};

jest.setTimeout(300_000 + ROUNDS * 20_000);

let scene: Scene;

beforeAll(async () => {
  await build();
  scene = await Scene.open({ accounts: ['acme'], workspaces: ['client-1'] });
});

afterAll(() => scene.close());

test('an api killed between commit and answer: 50 twins of the request, through it and another, make one flow', async () => {
  const sound = await scene.start('all', SETTINGS);
  const [{ account, clientId }] = scene.targets as [(typeof scene.targets)[0]];
  const acknowledged: Acknowledged[] = [];
  for (let sequence = 0; sequence < ROUNDS; sequence++) {
    const dying = await scene.start('api', DIES);
    const headers = { 'Idempotency-Key': randomUUID() };
    const body = { candidate_id: CANDIDATE, first_name: 'A', last_name: 'B', custom_fields: { sequence } };
    const send = (origin: string) => call({ origin }, account, '/v1/candidates', { clientId, headers, body });
    const first = await Promise.allSettled(Array.from({ length: TWINS / 2 }, () => send(dying.origin)));
    expect(first.map(({ status }) => status)).toEqual(Array(TWINS / 2).fill('rejected'));
    await dying.ended();
    const answers = await Promise.all(Array.from({ length: TWINS / 2 }, () => send(sound.origin)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
    const ids = new Set(answers.map((answer) => String(answer.body.reference_id)));
    expect(ids.size).toBe(1);
    for (const referenceId of ids)
      acknowledged.push({ account, clientId, candidateId: CANDIDATE, sequence, referenceId });
  }
  await scene.queuesToBeEmpty();
  const result = tally(acknowledged, scene.receiver.arrivals());
  report('an api is killed between commit and answer; 50 twins of it', ROUNDS, result);
  expect(result).toMatchObject({ delivered: ROUNDS, duplicates: 0, missing: 0, outOfOrder: 0, unknown: 0, errors: 0 });
  expect(await scene.count('flow')).toBe(ROUNDS);
});
