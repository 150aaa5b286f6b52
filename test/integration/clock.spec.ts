import { Clock, uuidFloor, uuidTime } from '../../src/database/clock';
import { createDataSource } from '../../src/database/data-source';
import { Database, statement } from '../../src/database/database';
import { signatureHeader } from '../../src/signing/signature';
import { makeAccount, startGateway } from '../support/gateway';
import { createDatabase, type TestDatabase } from '../support/postgres';
import { startReceiver } from '../support/receiver';
import { until } from '../support/until';

const HOUR_MS = 3_600_000;
/** Far less than the fault, far more than a round trip on a busy machine. */
const TOLERANCE_MS = 60_000;

let store: TestDatabase;
let database: Database;

beforeAll(async () => {
  store = await createDatabase();
  database = new Database(await createDataSource(store.url, 2).initialize());
});

afterEach(() => {
  jest.restoreAllMocks();
});

afterAll(async () => {
  await database.source.destroy();
  await store.drop();
});

async function databaseNow(): Promise<number> {
  const [row] = await database.query<{ ms: number }>(
    statement('', 'select (extract(epoch from clock_timestamp()) * 1000)::float8 as ms'),
  );
  return row!.ms;
}

/** The host's own clock goes wrong by so much. */
function setHostClockOff(byMs: number): void {
  const { now } = Date;
  jest.spyOn(Date, 'now').mockImplementation(() => now() + byMs);
}

/** A clock whose database says what the test wants it to. */
function clockBy(epochMs: () => number): Clock {
  return new Clock({ query: async () => [{ epoch_ms: String(epochMs()) }] } as unknown as Database);
}

test.each([HOUR_MS, -HOUR_MS])('the clock follows the database though the host’s is off by %i ms', async (off) => {
  setHostClockOff(off);
  const clock = new Clock(database);
  await clock.synchronise();
  const before = await databaseNow();
  expect(Math.abs(Date.now() - before)).toBeGreaterThan(HOUR_MS - TOLERANCE_MS);
  expect(Math.abs(clock.now() - before)).toBeLessThan(TOLERANCE_MS);
  expect(Math.abs(clock.unixSeconds() * 1000 - before)).toBeLessThan(TOLERANCE_MS);
  expect(Math.abs(uuidTime(clock.uuidv7()) - before)).toBeLessThan(TOLERANCE_MS);
});

test('a jump of the host’s clock between two samples changes nothing', async () => {
  const clock = new Clock(database);
  await clock.synchronise();
  setHostClockOff(HOUR_MS);
  expect(Math.abs(clock.now() - (await databaseNow()))).toBeLessThan(TOLERANCE_MS);
  expect(Math.abs(uuidTime(clock.uuidv7()) - (await databaseNow()))).toBeLessThan(TOLERANCE_MS);
});

test('a sample counts for the middle of its round trip, and time goes on from there', async () => {
  const times = [1000, 1000, 1400, 1400, 2400];
  jest.spyOn(performance, 'now').mockImplementation(() => times.shift() ?? NaN);
  const clock = clockBy(() => 50_000);
  await clock.synchronise();
  expect(clock.now()).toBe(50_200);
  expect(clock.now()).toBe(51_200);
});

test('a sample that failed leaves the clock as it was', async () => {
  let broken = false;
  const clock = clockBy(() => {
    if (broken) throw new Error('unreachable');
    return 1_000_000_000_000;
  });
  await clock.synchronise();
  broken = true;
  await expect(clock.synchronise()).rejects.toThrow('unreachable');
  expect(Math.abs(clock.now() - 1_000_000_000_000)).toBeLessThan(TOLERANCE_MS);
});

test('ids rise, also within a millisecond and when the clock is set back a little', async () => {
  let epoch = 1_700_000_000_000;
  const clock = clockBy(() => epoch);
  await clock.synchronise();
  const ids = Array.from({ length: 2000 }, () => clock.uuidv7());
  epoch -= 5000;
  await clock.synchronise();
  ids.push(...Array.from({ length: 100 }, () => clock.uuidv7()));
  expect(ids.toSorted()).toEqual(ids);
  expect(new Set(ids).size).toBe(ids.length);
});

test('ids follow a clock that is set back a lot', async () => {
  let epoch = 1_700_000_000_000;
  const clock = clockBy(() => epoch);
  await clock.synchronise();
  clock.uuidv7();
  epoch -= HOUR_MS;
  await clock.synchronise();
  expect(Math.abs(uuidTime(clock.uuidv7()) - epoch)).toBeLessThan(TOLERANCE_MS);
});

test('the bound of a range of ids is not above any id of its millisecond, nor below one of the one before', async () => {
  const epoch = 1_772_000_000_123;
  const clock = clockBy(() => epoch);
  await clock.synchronise();
  jest.spyOn(clock, 'now').mockReturnValue(epoch);
  const id = clock.uuidv7();
  expect(uuidTime(uuidFloor(epoch))).toBe(epoch);
  expect(uuidTime(id)).toBe(epoch);
  expect(uuidFloor(epoch) <= id).toBe(true);
  expect(id < uuidFloor(epoch + 1)).toBe(true);
});

test('a whole gateway on a host whose clock is an hour fast accepts, stamps and signs by the right time', async () => {
  setHostClockOff(HOUR_MS);
  const gateway = await startGateway();
  const receiver = await startReceiver(() => '');
  try {
    const account = await makeAccount(gateway, 'acme', receiver.url);
    const raw = Buffer.from(
      JSON.stringify({
        event: 'candidate.created',
        event_id: 'evt-1',
        client_id: 'client-1',
        user_id: 'user-1',
        candidate_id: 'c',
        first_name: 'A',
        last_name: 'B',
      }),
    );
    const now = await databaseNow();
    const send = (t: number) =>
      fetch(`${gateway.origin}/v1/webhooks/acme`, {
        method: 'POST',
        headers: {
          'Content-Type': 'application/json',
          'X-Webhook-Signature': signatureHeader([account.incomingSecret], Math.floor(t / 1000), raw),
        },
        body: raw,
      });
    expect((await send(now + HOUR_MS)).status).toBe(401);
    const accepted = await send(now);
    expect(accepted.status).toBe(202);
    const { reference_id } = (await accepted.json()) as { reference_id: string };
    expect(Math.abs(uuidTime(reference_id) - now)).toBeLessThan(TOLERANCE_MS);
    const delivery = await until('the delivery', () => receiver.deliveries[0]);
    expect(Math.abs(Number(delivery.headers['webhook-timestamp']) * 1000 - now)).toBeLessThan(2 * TOLERANCE_MS);
    expect(String(delivery.headers['x-webhook-signature'])).toContain(
      `t=${String(delivery.headers['webhook-timestamp'])},`,
    );
    expect(Math.abs(Date.parse(delivery.body.timestamp) - now)).toBeLessThan(2 * TOLERANCE_MS);
  } finally {
    await gateway.close();
    await receiver.close();
  }
});
