import { join } from 'node:path';
import { query } from '../support/embedded-server';
import { call, makeAccount, startGateway, type Gateway, type TestAccount } from '../support/gateway';
import { build, killProcesses, startGatewayProcess, type GatewayProcess } from '../support/gateway-process';
import { Load, tally, untilNoneLeft, type Target } from '../support/load';
import { createDatabase, type TestDatabase } from '../support/postgres';
import { startReceiverProcess, type ReceiverProcess } from '../support/receiver-process';
import { until } from '../support/until';

const CLIENTS = 8;
const ACKNOWLEDGED = 400;
/** Of each worker, before the load ends; either may be slow to start on a busy machine. */
const SHARE = 20;
const LONE_REQUESTS = 9;
/** Long, for a slow delivery that is repeated is no failure of what is proven here. */
const SETTINGS = { DELIVERY_TIMEOUT_MS: '30000' };

let database: TestDatabase;
let receiver: ReceiverProcess;
let targets: Target[];
let api: GatewayProcess;
let workers: GatewayProcess[];
/** In this process, on the same database, and silent towards the workers. */
let mute: Gateway;
let load: Load | undefined;

beforeAll(async () => {
  await build();
  database = await createDatabase();
  receiver = await startReceiverProcess();
  mute = await startGateway({ databaseUrl: database.url, env: { ROLE: 'api' }, hints: false });
  targets = [];
  for (const atsId of ['acme', 'globex']) {
    const clients = ['client-1', 'client-2', 'client-3'];
    const account = await makeAccount(mute, atsId, receiver.url(atsId), clients);
    await receiver.know(atsId, account.outgoingSecret);
    targets.push(...clients.map((clientId) => ({ account, clientId })));
  }
  const start = (ROLE: string) => startGatewayProcess({ ...SETTINGS, DATABASE_URL: database.url, ROLE });
  [api, ...workers] = await Promise.all([start('api'), start('worker'), start('worker')]);
});

afterAll(async () => {
  load?.abandon();
  await killProcesses();
  await mute.close();
  await receiver.close();
  await database.drop();
});

/** The flows that each process logged `message` of. */
function flows(message: string): string[][] {
  return [api, ...workers].map(({ lines }) =>
    lines.filter((line) => line.msg === message).map((line) => String(line.reference_id)),
  );
}

test('two workers share what one api process accepts: each event is delivered once, each candidate in order', async () => {
  const { acknowledged } = (load = new Load(() => api.origin, targets, CLIENTS));
  const shares = () =>
    [...flows('flow.processed').slice(1), ...flows('delivery.attempted').slice(1)].map((f) => f.length);
  await until('both workers to have taken a share', () => {
    return acknowledged.length >= ACKNOWLEDGED && shares().every((share) => share >= SHARE);
  });
  await load.stop();
  for (const table of ['inbox_message', 'outbox_message']) {
    await untilNoneLeft(`${table} to be empty`, async () => {
      const [row] = await query<{ n: number }>(database.url, `select count(*)::int as n from ${table}`);
      return row!.n;
    });
  }
  const total = acknowledged.length;
  await until('the log of both workers', () => flows('delivery.attempted').flat().length >= total);
  const [processed, delivered] = [flows('flow.processed'), flows('delivery.attempted')];
  process.stdout.write(`two workers: processed ${processed.map((f) => f.length).join('/')}`);
  process.stdout.write(`, delivered ${delivered.map((f) => f.length).join('/')} of ${total} (api/worker/worker)\n`);

  expect(tally(acknowledged, receiver.arrivals())).toEqual({
    acknowledged: total,
    delivered: total,
    duplicates: 0,
    missing: 0,
    outOfOrder: 0,
    unknown: 0,
    unverified: 0,
    errors: 0,
    changed: 0,
  });
  for (const [byApi, ...byWorkers] of [processed, delivered]) {
    expect(byApi).toEqual([]);
    expect(byWorkers.flat().sort()).toEqual(acknowledged.map((write) => write.referenceId).sort());
  }
});

/** Each is sent when the result of the one before has arrived. */
async function loneRequests(gateway: Pick<Gateway, 'origin'>, account: TestAccount, prefix: string): Promise<void> {
  for (let n = 0; n < LONE_REQUESTS; n++) {
    const body = { candidate_id: `${prefix}-${n}`, first_name: 'Ann', last_name: 'Lee' };
    const { body: answer } = await call(gateway, account, '/v1/candidates', { body });
    const arrived = () => receiver.arrivals().some((a) => a.reference_id === answer.reference_id);
    await until('the result of a lone request', arrived);
  }
}

test('without a hint across processes the result comes all the same, with the tick of a poller', () =>
  loneRequests(mute, targets[0]!.account, 'silent'));

test('every process says that it is ready, and only the api process takes requests', async () => {
  const statuses = (path: string) =>
    Promise.all([api, ...workers].map(async ({ origin }) => (await fetch(origin + path)).status));
  expect(await statuses('/health/ready')).toEqual([200, 200, 200]);
  expect(await statuses('/v1/candidates')).toEqual([401, 404, 404]);
});

test('a hint across processes wakes workers whose pollers never tick', async () => {
  expect(await Promise.all(workers.map((worker) => worker.stop()))).toEqual([0, 0]);
  const preload = `--require ${join(__dirname, '..', 'support', 'no-ticks.cjs')}`;
  const settings = { ...SETTINGS, DATABASE_URL: database.url, ROLE: 'worker', NODE_OPTIONS: preload };
  workers = await Promise.all([startGatewayProcess(settings), startGatewayProcess(settings)]);
  await loneRequests(api, targets[0]!.account, 'hinted');
});

test('every process ends with 0 on SIGTERM', async () => {
  expect(await Promise.all([api, ...workers].map((gateway) => gateway.stop()))).toEqual([0, 0, 0]);
});
