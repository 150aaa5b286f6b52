import { join } from 'node:path';
import { uuidTime } from '../../src/database/clock';
import { signatureHeader } from '../../src/signing/signature';
import { build, type GatewayProcess } from '../support/gateway-process';
import type { Arrival } from '../support/receiver-process';
import { Scene } from '../support/scene';
import { until } from '../support/until';
import { report } from './fault-table';
import { inForm } from './form';

const WRITES = inForm({ short: 200, long: 2000 });
const HOUR_MS = 3_600_000;
const AHEAD = {
  NODE_OPTIONS: `--require ${join(__dirname, '..', 'support', 'wrong-clock.cjs')}`,
  CLOCK_OFFSET_MS: String(HOUR_MS),
};
/** Of ±20 %. */
const RETRY_S = 5;
const SETTINGS = { DELIVERY_RETRY_SCHEDULE: Array(20).fill(RETRY_S).join() };
const REST_S = 6;
/** Between two processes on a busy machine: far from an hour. */
const NOISE_MS = 60_000;

let scene: Scene;
let apis: GatewayProcess[];
let startedAt: number;

beforeAll(async () => {
  await build();
  scene = await Scene.open({ accounts: ['acme', 'retried', 'rested'] });
  startedAt = Date.now();
  const [api, fastApi] = await Promise.all([
    scene.start('api'),
    scene.start('api', AHEAD),
    scene.start('worker', SETTINGS),
    scene.start('worker', { ...SETTINGS, ...AHEAD }),
  ]);
  apis = [api, fastApi];
});

afterAll(() => scene.close());

/** A webhook signed now by a correct clock. */
async function webhook(api: GatewayProcess, secondsAgo: number): Promise<number> {
  const account = scene.accounts[0]!;
  const envelope = {
    event: 'candidate.updated',
    event_id: `evt-${secondsAgo}-${api.port}`,
    client_id: 'client-1',
    user_id: 'u',
  };
  const body = JSON.stringify({ ...envelope, candidate_id: 'nobody', headline: 'x' });
  const time = Math.floor(Date.now() / 1000) - secondsAgo;
  const { status } = await fetch(`${api.origin}/v1/webhooks/${account.atsId}`, {
    method: 'POST',
    headers: {
      'Content-Type': 'application/json',
      'X-Webhook-Signature': signatureHeader([account.incomingSecret], time, Buffer.from(body)),
    },
    body,
  });
  return status;
}

/** Each refused delivery of the account with the time until its repetition. */
function repetitions(atsId: string): { refused: Arrival; ms: number }[] {
  const own = scene.receiver.arrivals().filter((arrival) => arrival.ats_id === atsId);
  return own.flatMap((refused, i) => {
    const next = own.slice(i + 1).find((arrival) => arrival.reference_id === refused.reference_id);
    return refused.taken || next === undefined ? [] : [{ refused, ms: next.at - refused.at }];
  });
}

test('with an api and a worker an hour ahead nothing is lost, early, late or signed wrongly', async () => {
  const until_ = new Date(Date.now() + REST_S * 1000 + 999);
  await scene.receiver.behave('retried', { status: 500 });
  await scene.receiver.behave('rested', { status: 429, headers: { 'Retry-After': until_.toUTCString() } });
  let requests = 0;
  const load = scene.startLoad(() => apis[requests++ % 2]!.origin);
  await until('refusals', () => {
    const refused = scene.receiver.arrivals().filter((arrival) => !arrival.taken);
    return ['retried', 'rested'].every((name) => refused.some((arrival) => arrival.ats_id === name));
  });
  for (const { atsId } of scene.accounts) await scene.receiver.behave(atsId, {});
  await until('writes to be acknowledged', () => load.acknowledged.length >= WRITES);
  const result = await scene.settle(load);
  report('the clocks of an api and a worker are an hour ahead', 2, result);
  await scene.expectKept(load, result);
  const endedAt = Date.now();

  const workers = scene.gateways.filter((gateway) => !apis.includes(gateway));
  for (const { lines } of workers) expect(lines.some((line) => line.msg === 'delivery.attempted')).toBe(true);
  for (const { referenceId } of load.acknowledged) {
    expect(uuidTime(referenceId)).toBeGreaterThan(startedAt - NOISE_MS);
    expect(uuidTime(referenceId)).toBeLessThan(endedAt + NOISE_MS);
  }
  for (const { at, signed_at } of scene.receiver.arrivals()) {
    expect(Math.abs(at - signed_at * 1000)).toBeLessThan(NOISE_MS);
  }
  for (const { ms } of repetitions('retried')) {
    expect(ms).toBeGreaterThan(RETRY_S * 800);
    expect(ms).toBeLessThan(RETRY_S * 1200 + NOISE_MS);
  }
  const rested = repetitions('rested');
  expect(rested.length).toBeGreaterThan(0);
  for (const { refused, ms } of rested) expect(refused.at + ms).toBeGreaterThan(until_.setMilliseconds(0));
});

test('an api an hour ahead takes webhooks signed now, and refuses those signed when it thinks it is', async () => {
  for (const api of apis) {
    expect([await webhook(api, 0), await webhook(api, -HOUR_MS / 1000)]).toEqual([202, 401]);
  }
});
