import type { ServerResponse } from 'node:http';
import { Accounts } from '../../src/accounts/accounts.service';
import { Database, statement } from '../../src/database/database';
import { verify } from '../../src/signing/signature';
import { call, makeAccount, startGateway, type Gateway, type TestAccount } from '../support/gateway';
import { startReceiver, type Delivery, type Receiver } from '../support/receiver';
import { until } from '../support/until';

/** Of each sending; long, for what is answered at once must never seem to be too slow. */
const TIMEOUT_MS = 3000;

let gateway: Gateway;
const receivers: Receiver[] = [];
let accounts = 0;

beforeAll(async () => {
  gateway = await startGateway({
    env: { DELIVERY_RETRY_SCHEDULE: '0,0,0,86400', DELIVERY_TIMEOUT_MS: String(TIMEOUT_MS) },
  });
});

afterEach(async () => {
  await sql('truncate outbox_message');
  await Promise.all(receivers.splice(0).map((receiver) => receiver.close()));
});

afterAll(() => gateway.close());

function sql<T extends object>(text: string, values: unknown[] = []): Promise<T[]> {
  return gateway.app.get(Database).query<T>(statement('', text), values);
}

/** An endpoint as the published receiver code makes one: it knows one secret and reads the last `v1` alone. */
interface Endpoint {
  readonly account: TestAccount;
  readonly receiver: Receiver;
  knows: string;
  refusal: number;
  /** Answers what it could verify. */
  verified: (response: ServerResponse) => void;
}

const ok = (response: ServerResponse): void => void response.writeHead(200).end();

async function makeEndpoint(refusal = 401): Promise<Endpoint> {
  const receiver = await startReceiver(
    () => endpoint.knows,
    (delivery, response) => {
      if (!verifiesLast(delivery, endpoint.knows)) return endpoint.refusal;
      endpoint.verified(response);
    },
  );
  receivers.push(receiver);
  const account = await makeAccount(gateway, `account-${accounts++}`, receiver.url);
  const endpoint: Endpoint = { account, receiver, knows: account.outgoingSecret, refusal, verified: ok };
  return endpoint;
}

function signatures({ headers }: Delivery): string[] {
  return String(headers['x-webhook-signature'])
    .split(',')
    .filter((part) => part.startsWith('v1='));
}

function verifiesLast(delivery: Delivery, secret: string): boolean {
  const [time] = String(delivery.headers['x-webhook-signature']).split(',');
  const last = `${time},${signatures(delivery).at(-1)}`;
  return verify(last, delivery.raw, [secret], Math.floor(Date.now() / 1000)).valid;
}

/** @returns the new secret */
function rotate({ account }: Endpoint, compromised = false): Promise<string> {
  return gateway.app.get(Accounts).rotateSecret(account.atsId, 'outgoing', compromised, 'test');
}

async function write({ account }: Endpoint): Promise<string> {
  const { status, body } = await call(gateway, account, '/v1/candidates', {
    body: { candidate_id: 'c-1', first_name: 'Ann', last_name: 'Lee' },
  });
  expect(status).toBe(202);
  return String(body.reference_id);
}

async function delivered({ account }: Endpoint, referenceId: string): Promise<void> {
  await until('the delivery', async () => {
    const { body } = await call(gateway, account, `/v1/flows/${referenceId}`);
    return body.status === 'delivered';
  });
}

/** Writes, waits for the delivery, and tells how many requests it took. */
async function deliver(endpoint: Endpoint): Promise<number> {
  const before = endpoint.receiver.deliveries.length;
  await delivered(endpoint, await write(endpoint));
  return endpoint.receiver.deliveries.length - before;
}

/** The status of every judged attempt, oldest first, and what is held against the endpoint. */
async function judged({ account }: Endpoint): Promise<{ attempts: (number | null)[]; failures_in_row: number }> {
  const attempts = await sql<{ status_code: number | null }>(
    `select status_code from delivery_attempt where ats_id = $1 and direction = 'outgoing' order by id`,
    [account.atsId],
  );
  const [row] = await sql<{ failures_in_row: number }>('select failures_in_row from endpoint where ats_id = $1', [
    account.atsId,
  ]);
  return { attempts: attempts.map((a) => a.status_code), failures_in_row: row!.failures_in_row };
}

describe.each([401, 403])('a receiver that refuses with %i', (refusal) => {
  test('and knows the old secret alone loses nothing, and needs no second request', async () => {
    const endpoint = await makeEndpoint(refusal);
    expect(await deliver(endpoint)).toBe(1);
    await rotate(endpoint);
    expect(await deliver(endpoint)).toBe(1);
    expect(await judged(endpoint)).toEqual({ attempts: [200, 200], failures_in_row: 0 });
  });

  test('and knows the new secret alone loses nothing, and needs a second request but once', async () => {
    const endpoint = await makeEndpoint(refusal);
    expect(await deliver(endpoint)).toBe(1);
    endpoint.knows = await rotate(endpoint);
    expect(await deliver(endpoint)).toBe(2);
    expect(await deliver(endpoint)).toBe(1);
    expect(await judged(endpoint)).toEqual({ attempts: [200, 200, 200], failures_in_row: 0 });
  });

  test('and changes whenever it likes finds its secret last again at once', async () => {
    const endpoint = await makeEndpoint(refusal);
    const old = endpoint.knows;
    const next = await rotate(endpoint);
    for (const knows of [next, old, next]) {
      endpoint.knows = knows;
      expect(await deliver(endpoint)).toBe(2);
      expect(await deliver(endpoint)).toBe(1);
    }
    expect((await judged(endpoint)).failures_in_row).toBe(0);
  });
});

test('every request of the overlap carries a signature by every live secret, and the same body', async () => {
  const endpoint = await makeEndpoint();
  const old = endpoint.knows;
  const next = await rotate(endpoint);
  endpoint.knows = next;
  await deliver(endpoint);
  const [first, second] = endpoint.receiver.deliveries;
  expect(second!.raw.equals(first!.raw)).toBe(true);
  expect(second!.headers['webhook-id']).toBe(first!.headers['webhook-id']);
  const now = Math.floor(Date.now() / 1000);
  for (const { headers, raw } of [first!, second!]) {
    for (const secret of [old, next])
      expect(verify(String(headers['x-webhook-signature']), raw, [secret], now).valid).toBe(true);
  }
});

test('compromised: from then on only the new one is ever used, whatever the receiver knows', async () => {
  const endpoint = await makeEndpoint();
  const old = endpoint.knows;
  await rotate(endpoint);
  await deliver(endpoint);
  const before = endpoint.receiver.deliveries.length;
  const next = await rotate(endpoint, true);
  const id = await write(endpoint);
  await until('a refusal', async () => (await judged(endpoint)).failures_in_row > 0);
  endpoint.knows = next;
  await sql('update outbox_message set available_at = now()');
  await delivered(endpoint, id);
  const after = endpoint.receiver.deliveries.slice(before);
  expect(after.length).toBeGreaterThanOrEqual(2);
  for (const delivery of after) {
    expect(signatures(delivery)).toHaveLength(1);
    expect(verifiesLast(delivery, next)).toBe(true);
    expect(verifiesLast(delivery, old)).toBe(false);
  }
});

test('a rotation in the middle of a retry chain: only the other faults count', async () => {
  const endpoint = await makeEndpoint();
  const held: ServerResponse[] = [];
  endpoint.verified = (response) => void held.push(response);
  const id = await write(endpoint);
  for (const knowsNew of [false, true]) {
    await until('the attempt', () => held.length > 0);
    const next = await rotate(endpoint);
    if (knowsNew) endpoint.knows = next;
    held.shift()!.writeHead(500).end();
  }
  await until('the last attempt', () => held.length > 0);
  held.shift()!.writeHead(200).end();
  await delivered(endpoint, id);
  expect(await judged(endpoint)).toEqual({ attempts: [500, 500, 200], failures_in_row: 0 });
});

test('four secrets are live at a time: whichever a receiver knows, one attempt finds it', async () => {
  const endpoint = await makeEndpoint();
  const secrets = [endpoint.knows];
  for (let n = 0; n < 4; n++) secrets.push(await rotate(endpoint));
  const [ended, ...live] = secrets;
  for (const secret of [...live, ...live.toReversed()]) {
    endpoint.knows = secret;
    expect(await deliver(endpoint)).toBeLessThanOrEqual(4);
    expect(await deliver(endpoint)).toBe(1);
  }
  const { attempts, failures_in_row } = await judged(endpoint);
  expect(failures_in_row).toBe(0);
  expect(new Set(attempts)).toEqual(new Set([200]));
  expect(endpoint.receiver.deliveries.every((delivery) => signatures(delivery).length === 4)).toBe(true);

  endpoint.knows = ended!;
  const before = endpoint.receiver.deliveries.length;
  await write(endpoint);
  await until('the refusal to be judged', async () => (await judged(endpoint)).failures_in_row > 0);
  const refused = endpoint.receiver.deliveries.slice(before, before + 4);
  for (const secret of live) expect(refused.filter((delivery) => verifiesLast(delivery, secret))).toHaveLength(1);
});

test('every live secret gets its turn, also where two refusals take longer than one sending may', async () => {
  const endpoint = await makeEndpoint();
  const slowly = (status: number, response: ServerResponse): undefined => {
    setTimeout(() => response.writeHead(status).end(), TIMEOUT_MS * 0.6);
  };
  endpoint.receiver.script = (delivery, response) =>
    slowly(verifiesLast(delivery, endpoint.knows) ? 200 : 401, response);
  const live = [endpoint.knows];
  for (let n = 0; n < 3; n++) live.push(await rotate(endpoint));
  for (const secret of live) {
    endpoint.knows = secret;
    await deliver(endpoint);
  }
  expect(await judged(endpoint)).toEqual({ attempts: [200, 200, 200, 200], failures_in_row: 0 });
});

test('a compromised incoming secret leaves the outgoing order as it is', async () => {
  const endpoint = await makeEndpoint();
  await rotate(endpoint);
  expect(await deliver(endpoint)).toBe(1);
  await gateway.app.get(Accounts).rotateSecret(endpoint.account.atsId, 'incoming', true, 'test');
  expect(await deliver(endpoint)).toBe(1);
});
