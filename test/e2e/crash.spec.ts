import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { query } from '../support/embedded-server';
import { call, makeAccount, startGateway } from '../support/gateway';
import {
  build,
  killProcesses,
  startGatewayProcess,
  type GatewayProcess,
  type Settings,
} from '../support/gateway-process';
import { Load, tally, untilNoneLeft, type Tally, type Target } from '../support/load';
import { createDatabase, type TestDatabase } from '../support/postgres';
import { startReceiverProcess, type ReceiverProcess } from '../support/receiver-process';
import { until } from '../support/until';

const ROUNDS = Number(process.env.CRASH_ROUNDS ?? 4);
const STOPS = 3;
const CLIENTS = 6;
/** A round's load before the kill: from the first writes to a queue that has built up. */
const MAX_ACKNOWLEDGED_BEFORE_KILL = 120;
const MAX_DELAY_MS = 100;
// Short, because a lease that a kill leaves behind lasts 10 s longer than an attempt; and patient with a slow machine.
const SETTINGS = { DELIVERY_TIMEOUT_MS: '1500', DELIVERY_RETRY_SCHEDULE: Array(20).fill('1').join() };

jest.setTimeout(180_000 + ROUNDS * 30_000);

let database: TestDatabase;
let receiver: ReceiverProcess;
let targets: Target[];
let running: Load | undefined;

beforeAll(build);

beforeEach(async () => {
  database = await createDatabase();
  receiver = await startReceiverProcess();
  const gateway = await startGateway({ databaseUrl: database.url, env: { ROLE: 'api' } });
  targets = [];
  for (const atsId of ['acme', 'globex']) {
    const clients = ['client-1', 'client-2'];
    const account = await makeAccount(gateway, atsId, receiver.url(atsId), clients);
    await receiver.know(atsId, account.outgoingSecret);
    targets.push(...clients.map((clientId) => ({ account, clientId })));
  }
  await gateway.close();
});

afterEach(async () => {
  running?.abandon();
  await killProcesses();
  await receiver.close();
  await database.drop();
});

function start(role: string, settings: Settings = {}): Promise<GatewayProcess> {
  return startGatewayProcess({ ...SETTINGS, DATABASE_URL: database.url, ROLE: role, ...settings });
}

function startLoad(origin: () => string): Load {
  return (running = new Load(origin, targets, CLIENTS));
}

/** At least one of them, and each as likely as not. */
function someOf<T>(all: readonly T[]): T[] {
  const some = all.filter(() => randomInt(2) === 0);
  return some.length > 0 ? some : [all[randomInt(all.length)]!];
}

/** The first of `roles` is the one that the clients call. */
async function survive(roles: readonly string[]): Promise<void> {
  const gateways = await Promise.all(roles.map((role) => start(role)));
  const all = [...gateways];
  const load = startLoad(() => gateways[0]!.origin);
  for (let round = 1; round <= ROUNDS; round++) {
    const goal = load.acknowledged.length + randomInt(1, MAX_ACKNOWLEDGED_BEFORE_KILL);
    await until('writes to be acknowledged', () => load.acknowledged.length >= goal);
    // Nothing is waited for: this is what makes the moment random.
    await sleep(randomInt(MAX_DELAY_MS));
    const victims = someOf(roles.map((_, index) => index));
    await Promise.all(victims.map((index) => gateways[index]!.kill9()));
    await Promise.all(victims.map(async (index) => (gateways[index] = await start(roles[index]!))));
    all.push(...victims.map((index) => gateways[index]!));
  }
  await load.stop();
  await queuesToBeEmpty();
  const result = tally(load.acknowledged, receiver.arrivals());
  report('kill -9', { roles: roles.join('+'), rounds: ROUNDS, ...retries(load, all), ...result });
  expectNothingLost(load, result);
  expect(await count('flow')).toBe(load.acknowledged.length);
  await expectLastWrites(load, gateways[0]!);
}

async function count(table: string): Promise<number> {
  return (await query<{ n: number }>(database.url, `select count(*)::int as n from ${table}`))[0]!.n;
}

async function queuesToBeEmpty(): Promise<void> {
  await untilNoneLeft('writes to be processed', () => count('inbox_message'));
  await untilNoneLeft('results to be delivered', () => count('outbox_message'));
}

function expectNothingLost(load: Load, result: Tally): void {
  expect(result).toMatchObject({ missing: 0, outOfOrder: 0, unknown: 0, unverified: 0, errors: 0, changed: 0 });
  expect(result.delivered).toBe(load.acknowledged.length);
}

/** Requests sent again, and those of them that had been accepted, though nobody was told, and were not accepted twice. */
function retries(load: Load, gateways: readonly GatewayProcess[]): object {
  const known = gateways.flatMap(({ lines }) => lines).filter((line) => line.repeated === true);
  return { 'sent again': load.repeated, 'known by their key': known.length };
}

/** What is stored is what was acknowledged last. */
async function expectLastWrites({ acknowledged }: Load, gateway: GatewayProcess): Promise<void> {
  const last = new Map(
    acknowledged.map((write) => [`${write.clientId} ${write.account.atsId} ${write.candidateId}`, write]),
  );
  for (const { account, clientId, candidateId, sequence } of last.values()) {
    const { body } = await call(gateway, account, `/v1/candidates/${candidateId}`, { clientId });
    expect(body).toMatchObject({ candidate_id: candidateId, custom_fields: { sequence } });
  }
}

function report(what: string, row: object): void {
  const cells = Object.entries(row).map(([name, value]) => `${name} ${String(value)}`);
  process.stdout.write(`${what}: ${cells.join(', ')}\n`);
}

test('nothing acknowledged is lost, doubled otherwise than alike, or reordered when the gateway is killed at random moments', () =>
  survive(['all']));

test('nor when its api and worker processes are killed, one of them or both', () => survive(['api', 'worker']));

test('a gateway that is told to stop under load ends with 0, loses nothing and delivers nothing twice', async () => {
  let gateway = await start('all', { DELIVERY_TIMEOUT_MS: '30000' });
  const load = startLoad(() => gateway.origin);
  for (let round = 1; round <= STOPS; round++) {
    const goal = load.acknowledged.length + randomInt(1, MAX_ACKNOWLEDGED_BEFORE_KILL);
    await until('writes to be acknowledged', () => load.acknowledged.length >= goal);
    expect(await gateway.stop()).toBe(0);
    gateway = await start('all', { DELIVERY_TIMEOUT_MS: '30000' });
  }
  await load.stop();
  await queuesToBeEmpty();
  const result = tally(load.acknowledged, receiver.arrivals());
  report('SIGTERM', { rounds: STOPS, 'sent again': load.repeated, ...result });
  expectNothingLost(load, result);
  expect(result.duplicates).toBe(0);
});
