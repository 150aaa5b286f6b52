import type { ServerResponse } from 'node:http';
import { Database, statement } from '../../src/database/database';
import { DomainError } from '../../src/errors';
import { logger } from '../../src/observability/logger';
import { OutboxOperations } from '../../src/outbox/outbox-operations.service';
import { Clock } from '../../src/database/clock';
import { call, makeAccount, startGateway, type Gateway, type TestAccount } from '../support/gateway';
import { killProcesses, startGatewayProcess, type GatewayProcess } from '../support/gateway-process';
import { startReceiver, type Delivery, type Receiver, type Script } from '../support/receiver';
import { until } from '../support/until';

const KIB = 1024;

/** Retries at once. */
let eager: Gateway;
/**
 * Retries at once, and gives up on an answer after 300 ms. Its worker is a real process: a timeout is told by its class,
 * and jest's classes are not those of Node.
 */
let hasty: Gateway;
let hastyWorker: GatewayProcess;
/** Retries in an hour. */
let patient: Gateway;
const receivers: Receiver[] = [];
let accounts = 0;

beforeAll(async () => {
  logger.level = 'silent';
  const start = (env: Record<string, string>) => startGateway({ env });
  [eager, hasty, patient] = await Promise.all([
    start({ DELIVERY_RETRY_SCHEDULE: '0,0,0,0,0,0' }),
    start({ ROLE: 'api' }),
    start({ DELIVERY_RETRY_SCHEDULE: '3600' }),
  ]);
  hastyWorker = await startGatewayProcess({
    ROLE: 'worker',
    DATABASE_URL: hasty.databaseUrl,
    // Many, since on a busy machine an answer may be late as well.
    DELIVERY_RETRY_SCHEDULE: Array(40).fill('0').join(),
    DELIVERY_TIMEOUT_MS: '300',
  });
});

afterEach(async () => {
  for (const receiver of receivers.splice(0)) await receiver.close();
});

afterAll(async () => {
  await hastyWorker.stop();
  await killProcesses();
  await Promise.all([eager, hasty, patient].map((gateway) => gateway.close()));
});

interface Endpoint {
  readonly gateway: Gateway;
  readonly account: TestAccount;
  readonly receiver: Receiver;
  /** Writes a candidate; resolves to its flow. */
  write(candidateId: string): Promise<string>;
  trace(referenceId: string): Promise<Trace>;
  reach(referenceId: string, status: string): Promise<Trace>;
}

interface Trace {
  readonly status: string;
  readonly timeline: readonly Record<string, unknown>[];
}

async function makeEndpoint(gateway: Gateway, script: Script): Promise<Endpoint> {
  const receiver = await startReceiver(() => account.outgoingSecret, script);
  receivers.push(receiver);
  const account = await makeAccount(gateway, `acme-${++accounts}`, receiver.url);
  const trace = async (referenceId: string) =>
    (await call(gateway, account, `/v1/flows/${referenceId}`)).body as unknown as Trace;
  return {
    gateway,
    account,
    receiver,
    trace,
    async write(candidateId) {
      const body = { candidate_id: candidateId, first_name: 'A', last_name: 'B' };
      return String((await call(gateway, account, '/v1/candidates', { body })).body.reference_id);
    },
    reach: (referenceId, status) =>
      until(`${referenceId} to be ${status}`, async () => {
        const found = await trace(referenceId);
        return found.status === status && found;
      }),
  };
}

interface Attempt {
  number: number;
  outcome: string;
  status_code: number | null;
  error: string | null;
  duration_ms: number;
  next_attempt_at: Date | null;
  signature: string;
  request_headers: Record<string, string>;
  response_headers: Record<string, string>;
  response_body: string | null;
}

function rows<T extends object>({ gateway }: Endpoint, text: string, ...values: unknown[]): Promise<T[]> {
  return gateway.app.get(Database).query<T>(statement('', text), values);
}

function attempts(endpoint: Endpoint, referenceId: string): Promise<Attempt[]> {
  return rows<Attempt>(
    endpoint,
    `select * from delivery_attempt where reference_id = $1 and direction = 'outgoing' order by id`,
    referenceId,
  );
}

function arrived({ receiver }: Endpoint): string[] {
  return receiver.deliveries.map((d) => d.body.reference_id);
}

/** Answers once a second has passed since the request was signed, so that a fresh signature must differ. */
function answerInAnotherSecond(status: number, { headers }: Delivery, response: ServerResponse): void {
  const signedAt = Number(headers['webhook-timestamp']);
  const look = setInterval(() => {
    if (Math.floor(eager.app.get(Clock).now() / 1000) <= signedAt) return;
    clearInterval(look);
    response.writeHead(status).end();
  }, 10);
}

describe('attempts', () => {
  test('carry the same bytes and event id each time, and a fresh signature', async () => {
    const endpoint = await makeEndpoint(eager, (delivery, response, count) => {
      if (count > 1) return 200;
      answerInAnotherSecond(500, delivery, response);
      return undefined;
    });
    const reference = await endpoint.write('c');
    const trace = await endpoint.reach(reference, 'delivered');
    const [first, second, ...more] = endpoint.receiver.deliveries;
    expect(more).toEqual([]);
    expect(second!.raw.equals(first!.raw)).toBe(true);
    expect(second!.body.event_id).toBe(first!.body.event_id);
    expect(second!.headers['webhook-id']).toBe(first!.headers['webhook-id']);
    expect([first!.verified, second!.verified]).toEqual([true, true]);
    expect(second!.headers['x-webhook-signature']).not.toBe(first!.headers['x-webhook-signature']);
    expect(Number(second!.headers['webhook-timestamp'])).toBeGreaterThan(Number(first!.headers['webhook-timestamp']));
    expect(second!.headers['webhook-signature']).not.toBe(first!.headers['webhook-signature']);
    const logged = await attempts(endpoint, reference);
    expect(logged).toMatchObject([
      { number: 1, outcome: 'failure', status_code: 500, error: null, next_attempt_at: expect.any(Date) },
      { number: 2, outcome: 'success', status_code: 200, error: null, next_attempt_at: null },
    ]);
    expect(logged.map((a) => a.signature)).toEqual([first, second].map((d) => d!.headers['x-webhook-signature']));
    expect(trace.timeline.map((entry) => entry.stage)).toEqual([
      'accepted',
      'processed',
      'attempt',
      'attempt',
      'delivered',
    ]);
  });

  test('that meet silence end at the deadline and are repeated', async () => {
    const endpoint = await makeEndpoint(hasty, (_, __, count) => (count === 1 ? undefined : 200));
    const reference = await endpoint.write('c');
    await endpoint.reach(reference, 'delivered');
    const [first] = await attempts(endpoint, reference);
    expect(first).toMatchObject({
      number: 1,
      outcome: 'error',
      error: 'timeout',
      status_code: null,
      response_body: null,
    });
    expect(first!.duration_ms).toBeGreaterThanOrEqual(295);
    expect(first!.duration_ms).toBeLessThan(5000);
  });

  test('that meet an answer which drips end at the same deadline', async () => {
    const endpoint = await makeEndpoint(hasty, (_, response, count) => {
      if (count > 1) return 200;
      response.writeHead(200);
      const drip = setInterval(() => response.write('.'), 20);
      response.on('close', () => clearInterval(drip));
      return undefined;
    });
    const reference = await endpoint.write('c');
    await endpoint.reach(reference, 'delivered');
    const [first] = await attempts(endpoint, reference);
    expect(first).toMatchObject({ outcome: 'error', error: 'timeout', status_code: null });
    expect(first!.duration_ms).toBeGreaterThanOrEqual(295);
    expect(first!.duration_ms).toBeLessThan(5000);
  });

  test('that meet nobody are repeated to the end of the schedule, then the message is dead', async () => {
    const endpoint = await makeEndpoint(eager, () => 200);
    await endpoint.receiver.close();
    const reference = await endpoint.write('c');
    await endpoint.reach(reference, 'dead');
    const logged = await attempts(endpoint, reference);
    expect(logged.map((a) => a.number)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    for (const attempt of logged)
      expect(attempt).toMatchObject({ outcome: 'error', error: 'connection', status_code: null });
  });

  test('that are redirected do not follow: the target never hears of it', async () => {
    const target = await startReceiver(() => '');
    receivers.push(target);
    const endpoint = await makeEndpoint(eager, (_, response, count) => {
      if (count > 5) return 200;
      response.writeHead([301, 302, 303, 307, 308][count - 1]!, { Location: target.url }).end();
      return undefined;
    });
    const reference = await endpoint.write('c');
    await endpoint.reach(reference, 'delivered');
    expect(target.deliveries).toEqual([]);
    expect((await attempts(endpoint, reference)).map((a) => [a.outcome, a.status_code])).toEqual([
      ...[301, 302, 303, 307, 308].map((status) => ['failure', status]),
      ['success', 200],
    ]);
  });

  test('that are refused (4xx) end after the first four waits: the message is dead, and says so', async () => {
    const endpoint = await makeEndpoint(eager, () => 422);
    const reference = await endpoint.write('c');
    const trace = await endpoint.reach(reference, 'dead');
    const logged = await attempts(endpoint, reference);
    expect(logged.map((a) => [a.number, a.status_code])).toEqual([1, 2, 3, 4, 5].map((number) => [number, 422]));
    expect(logged.map((a) => a.next_attempt_at === null)).toEqual([false, false, false, false, true]);
    expect(await rows(endpoint, 'select state, failures from dead_message where reference_id = $1', reference)).toEqual(
      [{ state: 'dead', failures: 5 }],
    );
    expect(await rows(endpoint, 'select from outbox_message where reference_id = $1', reference)).toEqual([]);
    expect(trace.timeline.at(-1)).toMatchObject({ stage: 'dead' });
  });
});

describe('what is kept of an answer', () => {
  test('is its first 64 KiB and its harmless headers', async () => {
    const endpoint = await makeEndpoint(eager, (_, response) => {
      response
        .writeHead(200, {
          'Content-Type': 'text/plain',
          'Retry-After': '7',
          'X-RateLimit-Remaining': '3',
          'RateLimit-Policy': '10;w=1',
          'Set-Cookie': 'session=secret',
          Authorization: 'Bearer secret',
          'X-Internal-Token': 'secret',
          'WWW-Authenticate': 'Basic realm="secret"',
        })
        .end('x'.repeat(100 * KIB));
    });
    const reference = await endpoint.write('c');
    await endpoint.reach(reference, 'delivered');
    const [attempt] = await attempts(endpoint, reference);
    expect(attempt!.response_body).toBe('x'.repeat(64 * KIB));
    expect(attempt!.response_headers).toMatchObject({
      'content-type': 'text/plain',
      'retry-after': '7',
      'x-ratelimit-remaining': '3',
      'ratelimit-policy': '10;w=1',
    });
    expect(JSON.stringify(attempt!.response_headers)).not.toMatch(/secret/);
    expect(Object.keys(attempt!.request_headers).map((name) => name.toLowerCase())).not.toContain(
      'x-webhook-signature',
    );
  });

  test('may hold bytes that a database cannot: they cost neither the attempt nor its neighbours', async () => {
    const endpoint = await makeEndpoint(eager, (_, response) => {
      response.writeHead(200).end(Buffer.from([0x61, 0x00, 0xff, 0xfe, 0xc3, 0x28, 0xed, 0xa0, 0x80, 0x62]));
    });
    const references = await Promise.all(['c1', 'c2', 'c3'].map(endpoint.write));
    for (const reference of references) {
      await endpoint.reach(reference, 'delivered');
      const [attempt, ...more] = await attempts(endpoint, reference);
      expect(more).toEqual([]);
      expect(attempt!.response_body).toMatch(/^a.*b$/);
    }
  });

  test('is cut short when it has no end: one of a gigabyte is not read', async () => {
    let written = 0;
    let cut = false;
    const chunk = Buffer.alloc(64 * KIB, 'x');
    const endpoint = await makeEndpoint(eager, (_, response) => {
      response.writeHead(200).on('close', () => (cut = true));
      const pump = () => {
        while (written < 1024 * KIB * KIB && !cut) {
          written += chunk.length;
          if (!response.write(chunk)) return;
        }
        response.end();
      };
      response.on('drain', pump);
      pump();
    });
    const reference = await endpoint.write('c');
    await endpoint.reach(reference, 'delivered');
    await until('the answer to be cut', () => cut);
    expect(written).toBeLessThan(64 * KIB * KIB);
    expect((await attempts(endpoint, reference))[0]!.response_body).toHaveLength(64 * KIB);
  });
});

describe('order', () => {
  test('of one entity is kept through retries: nothing goes before what it follows is settled', async () => {
    const endpoint = await makeEndpoint(eager, (_, __, count) => (count % 3 === 0 ? 200 : 503));
    const references: string[] = [];
    for (let i = 0; i < 8; i++) references.push(await endpoint.write('c'));
    await endpoint.reach(references.at(-1)!, 'delivered');
    expect(arrived(endpoint)).toEqual(references.flatMap((reference) => [reference, reference, reference]));
  });

  test('of one entity goes on behind a dead message', async () => {
    let refused = '';
    const endpoint = await makeEndpoint(eager, ({ body }) => {
      refused ||= body.reference_id;
      return body.reference_id === refused ? 400 : 200;
    });
    const [first, second] = [await endpoint.write('c'), await endpoint.write('c')];
    await endpoint.reach(second, 'delivered');
    expect(arrived(endpoint)).toEqual([first, first, first, first, first, second]);
    await endpoint.reach(first, 'dead');
  });

  test('of different entities is free: others overtake one that waits for its retry, its successors do not', async () => {
    const broken = new Set<string>();
    const endpoint = await makeEndpoint(patient, ({ body }) => (broken.has(body.reference_id) ? 500 : 200));
    const db = endpoint.gateway.app.get(Database);
    await db.query(statement('', `update endpoint set disabled_at = now() where ats_id = $1`), [
      endpoint.account.atsId,
    ]);
    const [waiting, behind, other] = [await endpoint.write('c'), await endpoint.write('c'), await endpoint.write('d')];
    broken.add(waiting);
    await db.query(statement('', `update endpoint set disabled_at = null where ats_id = $1`), [endpoint.account.atsId]);
    await endpoint.reach(other, 'delivered');
    await until('the failure', async () => (await attempts(endpoint, waiting)).length === 1);
    const later = await endpoint.write('d');
    await endpoint.reach(later, 'delivered');
    expect(arrived(endpoint)).not.toContain(behind);
    expect((await endpoint.trace(waiting)).status).toBe('processed');

    broken.clear();
    expect(await endpoint.gateway.app.get(OutboxOperations).redeliver(waiting)).toBe('hastened');
    await endpoint.reach(behind, 'delivered');
    expect(arrived(endpoint).filter((reference) => reference === waiting || reference === behind)).toEqual([
      waiting,
      waiting,
      behind,
    ]);
  });
});

describe('by hand', () => {
  const operations = ({ gateway }: Endpoint) => gateway.app.get(OutboxOperations);

  test('a dead message is redelivered with the same bytes and event id, and is dead no more', async () => {
    let status = 400;
    const endpoint = await makeEndpoint(eager, () => status);
    const reference = await endpoint.write('c');
    await endpoint.reach(reference, 'dead');
    status = 200;
    expect(await operations(endpoint).redeliver(reference)).toBe('requeued');
    await endpoint.reach(reference, 'delivered');
    const { deliveries } = endpoint.receiver;
    expect(deliveries).toHaveLength(6);
    for (const { raw, verified } of deliveries) {
      expect(raw.equals(deliveries[0]!.raw)).toBe(true);
      expect(verified).toBe(true);
    }
    expect(await rows(endpoint, 'select from dead_message where reference_id = $1', reference)).toEqual([]);
  });

  test('a delivered message is delivered again, once for each redelivery', async () => {
    const endpoint = await makeEndpoint(eager, () => 200);
    const reference = await endpoint.write('c');
    await endpoint.reach(reference, 'delivered');
    for (let count = 2; count <= 3; count++) {
      expect(await operations(endpoint).redeliver(reference)).toBe('requeued');
      await until('the redelivery', () => endpoint.receiver.deliveries.length === count);
      await endpoint.reach(reference, 'delivered');
    }
    expect(new Set(endpoint.receiver.deliveries.map((d) => d.body.event_id)).size).toBe(1);
  });

  test('two redeliveries at once make one message', async () => {
    const endpoint = await makeEndpoint(eager, () => 200);
    const reference = await endpoint.write('c');
    await endpoint.reach(reference, 'delivered');
    await rows(endpoint, 'update endpoint set disabled_at = now() where ats_id = $1', endpoint.account.atsId);
    const made = await Promise.all([1, 2, 3].map(() => operations(endpoint).redeliver(reference)));
    expect(made.sort()).toEqual(['hastened', 'hastened', 'requeued']);
    expect(await rows(endpoint, 'select from outbox_message where reference_id = $1', reference)).toHaveLength(1);
  });

  test('a discarded message is sent no more; the one behind it goes on', async () => {
    let broken = '';
    const endpoint = await makeEndpoint(patient, ({ body }) => {
      broken ||= body.reference_id;
      return body.reference_id === broken ? 500 : 200;
    });
    const [discarded, next] = [await endpoint.write('c'), await endpoint.write('c')];
    await until('the failure', async () => (await attempts(endpoint, discarded)).length === 1);
    await operations(endpoint).discard(discarded);
    const trace = await endpoint.reach(discarded, 'discarded');
    expect(trace.timeline.at(-1)).toMatchObject({ stage: 'discarded' });
    await endpoint.reach(next, 'delivered');
    expect(arrived(endpoint)).toEqual([discarded, next]);
    await expect(operations(endpoint).discard(discarded)).rejects.toMatchObject({ kind: 'not_found' });
  });

  test('nothing can be done to an unknown flow, nor to one that has no result yet', async () => {
    const endpoint = await makeEndpoint(eager, () => 200);
    const clock = endpoint.gateway.app.get(Clock);
    await expect(operations(endpoint).redeliver(clock.uuidv7())).rejects.toMatchObject({ kind: 'not_found' });
    const unprocessed = clock.uuidv7();
    await rows(
      endpoint,
      `insert into flow (reference_id, ats_id, client_id, source, event, entity_id, payload)
       values ($1, $2, 'client-1', 'rest', 'candidate.created', 'c', '{}')`,
      unprocessed,
      endpoint.account.atsId,
    );
    await expect(operations(endpoint).redeliver(unprocessed)).rejects.toMatchObject({ kind: 'conflict' });
    await expect(operations(endpoint).discard(unprocessed)).rejects.toThrow(DomainError);
  });
});
