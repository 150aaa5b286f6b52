import { build, type GatewayProcess } from '../support/gateway-process';
import { Scene } from '../support/scene';
import { TableLock } from '../support/table-lock';
import { until } from '../support/until';
import { report } from './fault-table';
import { inForm } from './form';

const ROUNDS = inForm({ short: 1, long: 5 });
const BEFORE_FAULT = 40;
/** Few, because nothing is delivered to them while the worker is stopped. */
const CLIENTS = 2;
/** What the successor fails at is still waiting when the stale worker goes on. */
const SETTINGS = { DELIVERY_RETRY_SCHEDULE: '600,1,1,1,1,1' };

jest.setTimeout(300_000 + ROUNDS * 90_000);

let scene: Scene;
let lock: TableLock;
let api: GatewayProcess;
let stale: GatewayProcess;

interface Attempt {
  readonly reference_id: string;
  readonly ats_id: string;
  readonly number: number;
  readonly outcome: string;
}

beforeAll(async () => {
  await build();
  scene = await Scene.open();
  lock = await TableLock.open(scene.databaseUrl);
  [api, stale] = await Promise.all([scene.start('api'), scene.start('worker', SETTINGS)]);
});

afterAll(async () => {
  await lock.close();
  await scene.close();
});

/** The flows whose messages are leased now. */
async function leased(table: string): Promise<string[]> {
  const rows = await scene.sql<{ reference_id: string }>(
    `select reference_id from ${table} where leased_until > now()`,
  );
  return rows.map((row) => row.reference_id);
}

function of(flows: readonly string[]): string {
  return `reference_id = any('{${flows.join()}}')`;
}

function attempts(flows: readonly string[]): Promise<Attempt[]> {
  return scene.sql<Attempt>(
    `select reference_id, ats_id, number, outcome from delivery_attempt
      where ${of(flows)} and direction = 'outgoing' order by id`,
  );
}

/** The flows of which the stale worker has judged an attempt since its line `from`. */
function judged(from: number): string[] {
  const lines = stale.lines.slice(from).filter((line) => line.msg === 'delivery.attempted');
  return lines.map((line) => String(line.reference_id));
}

/** Stops the worker while it sends and while it applies a batch; returns the flows of both. */
async function stopAtWork(): Promise<{ sending: string[]; applying: string[] }> {
  const before = scene.receiver.arrivals().length;
  for (const { atsId } of scene.accounts) await scene.receiver.behave(atsId, { answer: 'hold' });
  await until('a delivery to each account to be held', () => {
    const held = scene.receiver.arrivals().slice(before);
    return scene.accounts.every(({ atsId }) => held.some((a) => a.ats_id === atsId));
  });
  await lock.take('candidate');
  await lock.stopsSomebody('candidate');
  stale.signal('SIGSTOP');
  const [claimed, applying] = await Promise.all([leased('outbox_message'), leased('inbox_message')]);
  await lock.release();
  // Of what it had only claimed it sends nothing any more, so it has nothing to judge there.
  const arrived = new Set(scene.receiver.arrivals().map((arrival) => arrival.reference_id));
  return { sending: claimed.filter((id) => arrived.has(id)), applying };
}

/** All it holds is settled by another: applied, delivered to one account, and failed at the other. */
async function takeOver(sending: readonly string[], applying: readonly string[]): Promise<void> {
  await scene.receiver.behave('acme', { status: 500 });
  await scene.receiver.behave('globex', {});
  const successor = await scene.start('worker', SETTINGS);
  await until('the successor to apply what was being applied', async () => {
    return (await scene.count(`inbox_message where ${of(applying)}`)) === 0;
  });
  await until('the successor to try what was being sent', async () => {
    return (await attempts(sending)).length === sending.length;
  });
  expect(await successor.stop()).toBe(0);
}

async function goOn(sending: readonly string[]): Promise<void> {
  const from = stale.lines.length;
  const newest = (await scene.sql<{ id: string }>('select max(reference_id::text) as id from result_event'))[0]!.id;
  stale.signal('SIGCONT');
  await until('the stale worker to judge what it sent', () => sending.every((id) => judged(from).includes(id)));
  await until('it to settle something later', async () => {
    const later = judged(from).filter((id) => id > newest);
    return later.length > 0 && (await attempts(later)).length > 0;
  });
}

test('a worker stopped past its leases changes nothing when it goes on: another one settled what it held', async () => {
  const load = scene.startLoad(() => api.origin, CLIENTS);
  const lost: string[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const goal = load.acknowledged.length + BEFORE_FAULT;
    await until('writes to be acknowledged', () => load.acknowledged.length >= goal);
    const { sending, applying } = await stopAtWork();
    expect(applying.length).toBeGreaterThan(0);
    await takeOver(sending, applying);
    await goOn(sending);
    lost.push(...sending);
    await scene.receiver.behave('acme', {});
    await scene.sql(
      `update outbox_message set available_at = now() where available_at > now() and available_at < 'infinity'`,
    );
  }
  const result = await scene.settle(load);
  report('SIGSTOP of a worker past its leases, then SIGCONT', ROUNDS, result);
  await scene.expectKept(load, result);

  const tries = await attempts(lost);
  for (const id of lost) {
    const own = tries.filter((attempt) => attempt.reference_id === id);
    const outcomes = own.map(({ number, outcome }) => `${number} ${outcome}`);
    expect(outcomes).toEqual(own[0]?.ats_id === 'acme' ? ['1 failure', '2 success'] : ['1 success']);
  }
});
