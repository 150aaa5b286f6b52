import type { ServerResponse } from 'node:http';
import { Client } from 'pg';
import { Accounts } from '../../src/accounts/accounts.service';
import { EndpointHealth } from '../../src/accounts/endpoint-health.service';
import { Database, statement } from '../../src/database/database';
import { DeliveryWorker } from '../../src/delivery/delivery.worker';
import { Outbox } from '../../src/outbox/outbox.service';
import { call, makeAccount, startGateway, type Gateway, type TestAccount } from '../support/gateway';
import { startReceiver, type Receiver } from '../support/receiver';
import { until } from '../support/until';

const PATIENT = {
  DELIVERY_RETRY_SCHEDULE: Array.from({ length: 40 }, () => '0').join(','),
  DELIVERY_TIMEOUT_MS: '20000',
};

interface Health {
  failures_in_row: number;
  breaker_pause_ms: number;
  /** Seconds from now; negative when nothing is paused any more. */
  paused_for: number;
  disabled_reason: string | null;
}

let gateways: [Gateway, Gateway];
const receivers: Receiver[] = [];
let accounts = 0;

beforeAll(async () => {
  const first = await startGateway({ env: PATIENT });
  gateways = [first, await startGateway({ env: PATIENT, databaseUrl: first.databaseUrl })];
  for (const { app } of gateways) jest.spyOn(app.get(Outbox), 'dueAccounts');
});

afterEach(async () => {
  await sql('truncate outbox_message');
  await Promise.all(receivers.splice(0).map((receiver) => receiver.close()));
});

afterAll(async () => {
  await gateways[1].close();
  await gateways[0].close();
});

function sql<T extends object>(text: string, values: unknown[] = []): Promise<T[]> {
  return gateways[0].app.get(Database).query<T>(statement('', text), values);
}

/** Answers what is asked of it, or keeps the requests until the test answers them. */
interface Endpoint {
  readonly account: TestAccount;
  readonly receiver: Receiver;
  /** Those whose answer is awaited, oldest first. */
  readonly held: ServerResponse[];
  answers: number | 'hold';
}

async function makeEndpoint(answers: number | 'hold'): Promise<Endpoint> {
  const held: ServerResponse[] = [];
  const receiver = await startReceiver(
    () => endpoint.account.outgoingSecret,
    (_delivery, response) => (endpoint.answers === 'hold' ? void held.push(response) : endpoint.answers),
  );
  receivers.push(receiver);
  const endpoint: Endpoint = {
    account: await makeAccount(gateways[0], `account-${accounts++}`, receiver.url),
    receiver,
    held,
    answers,
  };
  return endpoint;
}

function answerHeld({ held }: Endpoint, status: number, headers: Record<string, string> = {}): void {
  held.shift()!.writeHead(status, headers).end('{}');
}

/** Through either gateway in turn; in the order given for one candidate. */
async function write({ account }: Endpoint, ...candidates: string[]): Promise<string[]> {
  const ids: string[] = [];
  for (const [n, candidate_id] of candidates.entries()) {
    const { status, body } = await call(gateways[n % 2]!, account, '/v1/candidates', {
      body: { candidate_id, first_name: 'Ann', last_name: 'Lee' },
    });
    expect(status).toBe(202);
    ids.push(String(body.reference_id));
  }
  await until('the writes to be processed', async () => {
    const [row] = await sql<{ left: number }>('select count(*)::int as left from inbox_message where ats_id = $1', [
      account.atsId,
    ]);
    return row?.left === 0;
  });
  return ids;
}

async function health({ account }: Endpoint): Promise<Health> {
  const [row] = await sql<Health>(
    `select failures_in_row, breaker_pause_ms, disabled_reason,
            case when isfinite(until) then extract(epoch from until - now())::float else -1 end as paused_for
       from (select *, greatest(paused_until, rest_until) as until from endpoint) e where ats_id = $1`,
    [account.atsId],
  );
  return row!;
}

/** What the account's waiting messages have used up. */
async function queue({ account }: Endpoint): Promise<{ waiting: number; failures: number; in_flight: number }> {
  const [row] = await sql<{ waiting: number; failures: number; in_flight: number }>(
    `select count(*)::int as waiting, coalesce(sum(failures), 0)::int as failures,
            (count(*) filter (where leased_until > now()))::int as in_flight
       from outbox_message where ats_id = $1`,
    [account.atsId],
  );
  return row!;
}

async function attempts({ account }: Endpoint): Promise<number> {
  return (await sql('select from delivery_attempt where ats_id = $1', [account.atsId])).length;
}

/** Both workers have begun and ended a whole look for work since the call. */
async function bothLooked(): Promise<void> {
  const looks = () => gateways.map(({ app }) => jest.mocked(app.get(Outbox).dueAccounts).mock.calls.length);
  const before = looks();
  await until('both gateways to look for work', () => {
    for (const { app } of gateways) app.get(DeliveryWorker).tick();
    return looks().every((count, n) => count >= before[n]! + 3);
  });
}

async function nothingInFlight(endpoint: Endpoint): Promise<void> {
  await until('the attempts to be settled', async () => (await queue(endpoint)).in_flight === 0);
}

/** As if the pause had passed. */
async function endPause({ account }: Endpoint): Promise<void> {
  await sql('update endpoint set paused_until = now(), rest_until = now() where ats_id = $1', [account.atsId]);
}

async function untilEmpty(endpoint: Endpoint): Promise<void> {
  await until('every message to be delivered', async () => (await queue(endpoint)).waiting === 0);
}

/** Opens the breaker of an endpoint that answers 503 to a few messages of a few candidates. */
async function broken(): Promise<{ endpoint: Endpoint; ids: string[] }> {
  const endpoint = await makeEndpoint(503);
  const ids = await write(endpoint, 'a', 'b', 'c', 'a', 'b', 'c', 'd', 'a', 'e', 'f');
  await until('the breaker to open', async () => (await health(endpoint)).breaker_pause_ms > 0);
  await bothLooked();
  await nothingInFlight(endpoint);
  return { endpoint, ids };
}

test('20 failures in a row stop the sending of both gateways, and the messages that wait use up no attempts', async () => {
  const { endpoint } = await broken();
  const sent = endpoint.receiver.deliveries.length;
  expect(sent).toBeGreaterThanOrEqual(20);
  // What was under way in either gateway when it opened.
  expect(sent).toBeLessThanOrEqual(20 + 7);
  expect(await health(endpoint)).toMatchObject({ failures_in_row: sent, breaker_pause_ms: 30_000 });
  expect(await queue(endpoint)).toEqual({ waiting: 10, failures: sent, in_flight: 0 });
  await write(endpoint, 'g', 'h');
  for (let n = 0; n < 5; n++) await bothLooked();
  expect(endpoint.receiver.deliveries).toHaveLength(sent);
  expect(await queue(endpoint)).toEqual({ waiting: 12, failures: sent, in_flight: 0 });
});

test('one probe of both gateways at a time; a failed one doubles the pause and costs no attempt', async () => {
  const { endpoint } = await broken();
  const { receiver, held } = endpoint;
  const sent = receiver.deliveries.length;
  endpoint.answers = 'hold';
  for (const [probe, pause] of [60_000, 120_000, 240_000].entries()) {
    await endPause(endpoint);
    await until('the probe', () => held.length > 0);
    for (let n = 0; n < 3; n++) await bothLooked();
    expect(held).toHaveLength(1);
    answerHeld(endpoint, 500);
    await until('the pause to double', async () => (await health(endpoint)).breaker_pause_ms === pause);
    await bothLooked();
    expect(receiver.deliveries).toHaveLength(sent + probe + 1);
    expect((await health(endpoint)).paused_for).toBeGreaterThan(pause / 2000);
    expect(await queue(endpoint)).toMatchObject({ failures: sent, in_flight: 0 });
  }
});

test('of workers that look at the same moment one alone gets the probe', async () => {
  const { account } = await makeEndpoint(200);
  const take = async (gateway: Gateway) =>
    (await gateway.app.get(EndpointHealth).takeProbes([account.atsId], 60_000)).size;
  await sql('update endpoint set breaker_pause_ms = 30000 where ats_id = $1', [account.atsId]);
  const taken = await Promise.all(Array.from({ length: 20 }, (_, n) => take(gateways[n % 2]!)));
  expect(taken.reduce((sum, count) => sum + count)).toBe(1);
});

/** Two accounts whose endpoints lie in the table in the other order than that of their names. */
async function crosswise(): Promise<[string, string]> {
  // So that new rows come last.
  await sql('vacuum full endpoint');
  const [later, earlier] = [`z-${accounts}`, `a-${accounts++}`];
  for (const atsId of [later, earlier]) {
    await makeAccount(gateways[0], atsId, null);
    await sql('update endpoint set breaker_pause_ms = 30000 where ats_id = $1', [atsId]);
  }
  return [earlier, later];
}

test.each<[string, (health: EndpointHealth, atsIds: string[]) => Promise<unknown>]>([
  ['taken', (health, atsIds) => health.takeProbes(atsIds, 60_000)],
  ['given back', (health, atsIds) => health.returnProbes(atsIds)],
])('probes are %s in the order in which settlings take the endpoints, and nobody waits crosswise', async (_, work) => {
  const [first, second] = await crosswise();
  const settling = new Client({ connectionString: gateways[0].databaseUrl });
  await settling.connect();
  try {
    const lock = (atsId: string) => settling.query('select from endpoint where ats_id = $1 for update', [atsId]);
    await settling.query('begin');
    await lock(first);
    const working = work(gateways[0].app.get(EndpointHealth), [first, second]);
    await until('it to wait for the first', async () => {
      const waiting = await sql(
        `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
      );
      return waiting.length > 0;
    });
    await Promise.all([lock(second).then(() => settling.query('commit')), working]);
  } finally {
    await settling.end();
  }
});

test('a probe that succeeds closes it for both, and everything arrives in its order', async () => {
  const { endpoint, ids } = await broken();
  const { receiver, held } = endpoint;
  const sent = receiver.deliveries.length;
  endpoint.answers = 'hold';
  await endPause(endpoint);
  await until('the probe', () => held.length > 0);
  endpoint.answers = 200;
  answerHeld(endpoint, 200);
  await untilEmpty(endpoint);
  expect(await health(endpoint)).toMatchObject({ failures_in_row: 0, breaker_pause_ms: 0 });
  expect((await health(endpoint)).paused_for).toBeLessThanOrEqual(0);
  const arrived = receiver.deliveries.slice(sent).map(({ body }) => body);
  expect(arrived.map((body) => body.reference_id).sort()).toEqual([...ids].sort());
  for (const candidate of ['a', 'b', 'c']) {
    const own = arrived.filter(({ data }) => data.candidate_id === candidate).map((body) => body.reference_id);
    expect(own).toEqual(ids.filter((id) => own.includes(id)));
  }
});

test('a probe whose worker is gone does not keep others from probing for longer than its lease', async () => {
  const { endpoint } = await broken();
  const sent = endpoint.receiver.deliveries.length;
  await sql(`update endpoint set paused_until = now(), probe_until = now() + interval '1 hour' where ats_id = $1`, [
    endpoint.account.atsId,
  ]);
  await bothLooked();
  expect(endpoint.receiver.deliveries).toHaveLength(sent);
  endpoint.answers = 200;
  await sql('update endpoint set probe_until = now() where ats_id = $1', [endpoint.account.atsId]);
  await untilEmpty(endpoint);
});

test('an answer that only refuses the message ends the row', async () => {
  const endpoint = await makeEndpoint('hold');
  const answer = async (status: number) => {
    await until('the request', () => endpoint.held.length > 0);
    answerHeld(endpoint, status);
  };
  await write(endpoint, 'a');
  for (let n = 0; n < 19; n++) await answer(500);
  await until('the 20th request', () => endpoint.held.length > 0);
  expect(await health(endpoint)).toMatchObject({ failures_in_row: 19, breaker_pause_ms: 0 });
  // Its four waits are long used up, so the message is dead.
  await answer(422);
  await untilEmpty(endpoint);
  expect(await health(endpoint)).toMatchObject({ failures_in_row: 0, breaker_pause_ms: 0 });
  await write(endpoint, 'a');
  await answer(500);
  await until('the next request', () => endpoint.held.length > 0);
  expect(await health(endpoint)).toMatchObject({ failures_in_row: 1, breaker_pause_ms: 0 });
});

/** After fast successes, for which more and more is sent side by side. */
async function holdSideBySide(endpoint: Endpoint, count: number): Promise<void> {
  const names = Array.from({ length: 64 }, (_, n) => `c-${n}`);
  await write(endpoint, ...names);
  await untilEmpty(endpoint);
  endpoint.answers = 'hold';
  await write(endpoint, ...names);
  await until('many requests side by side', () => endpoint.held.length >= count);
}

test('successes among the failures of many requests side by side end the row', async () => {
  const endpoint = await makeEndpoint(200);
  await holdSideBySide(endpoint, 32);
  endpoint.answers = 200;
  for (let n = 1; n <= 32; n++) {
    const logged = await attempts(endpoint);
    answerHeld(endpoint, n % 4 === 0 ? 200 : 500);
    await until('its settling', async () => (await attempts(endpoint)) > logged);
    expect((await health(endpoint)).breaker_pause_ms).toBe(0);
  }
  for (const response of endpoint.held.splice(0)) response.writeHead(200).end();
  await untilEmpty(endpoint);
});

test('Retry-After rests the endpoint for both gateways', async () => {
  const endpoint = await makeEndpoint('hold');
  await write(endpoint, 'a');
  await until('the request', () => endpoint.held.length > 0);
  answerHeld(endpoint, 429, { 'Retry-After': '3600' });
  await until('the pause', async () => (await health(endpoint)).paused_for > 3500);
  await write(endpoint, 'b', 'c');
  for (let n = 0; n < 3; n++) await bothLooked();
  expect(endpoint.receiver.deliveries).toHaveLength(1);
  expect(await queue(endpoint)).toEqual({ waiting: 3, failures: 1, in_flight: 0 });
  expect((await health(endpoint)).paused_for).toBeLessThanOrEqual(3600);
  endpoint.answers = 200;
  await endPause(endpoint);
  await untilEmpty(endpoint);
});

test('what succeeds after all does not cut short the rest that another answer asked for', async () => {
  const endpoint = await makeEndpoint(500);
  await write(endpoint, 'a');
  await until('a failure', async () => (await health(endpoint)).failures_in_row > 0);
  endpoint.answers = 'hold';
  await write(endpoint, 'b', 'c');
  await until('two requests side by side', () => endpoint.held.length >= 2);
  answerHeld(endpoint, 503, { 'Retry-After': '3600' });
  await until('the pause', async () => (await health(endpoint)).paused_for > 3500);
  const { waiting } = await queue(endpoint);
  answerHeld(endpoint, 200);
  await until('the success to be settled', async () => (await queue(endpoint)).waiting < waiting);
  expect(await health(endpoint)).toMatchObject({ failures_in_row: 0 });
  expect((await health(endpoint)).paused_for).toBeGreaterThan(3500);
});

test('nor does it when the breaker has opened for longer: then only the rest is left', async () => {
  const endpoint = await makeEndpoint(200);
  await holdSideBySide(endpoint, 22);
  for (let n = 0; n < 20; n++) answerHeld(endpoint, 500);
  await until('the breaker to open', async () => (await health(endpoint)).breaker_pause_ms === 30_000);
  answerHeld(endpoint, 503, { 'Retry-After': '25' });
  await until('its settling', async () => (await health(endpoint)).failures_in_row === 21);
  answerHeld(endpoint, 200);
  await until('the late success', async () => (await health(endpoint)).breaker_pause_ms === 0);
  const { paused_for } = await health(endpoint);
  expect(paused_for).toBeGreaterThan(0);
  expect(paused_for).toBeLessThanOrEqual(25);
  for (const response of endpoint.held.splice(0)) response.writeHead(200).end();
  await nothingInFlight(endpoint);
  const sent = endpoint.receiver.deliveries.length;
  for (let n = 0; n < 3; n++) await bothLooked();
  expect(endpoint.receiver.deliveries).toHaveLength(sent);
});

test('410 disables the endpoint and says why; its messages wait unharmed until it is enabled', async () => {
  const endpoint = await makeEndpoint(410);
  await write(endpoint, 'a');
  await until('the endpoint to be disabled', async () => (await health(endpoint)).disabled_reason !== null);
  const { endpoint: shown } = await gateways[1].app.get(Accounts).find(endpoint.account.atsId);
  expect(shown).toMatchObject({
    disabledReason: 'The endpoint answered 410 Gone',
    disabledAt: expect.any(Date) as Date,
  });
  await write(endpoint, 'b', 'a');
  for (let n = 0; n < 3; n++) await bothLooked();
  expect(endpoint.receiver.deliveries).toHaveLength(1);
  expect(await queue(endpoint)).toEqual({ waiting: 3, failures: 0, in_flight: 0 });
  endpoint.answers = 200;
  await gateways[1].app.get(Accounts).enableEndpoint(endpoint.account.atsId, 'test');
  await untilEmpty(endpoint);
  expect(endpoint.receiver.deliveries).toHaveLength(4);
  expect(await health(endpoint)).toMatchObject({ disabled_reason: null });
});

test('another URL begins with a clean record', async () => {
  const { endpoint, ids } = await broken();
  const sent = endpoint.receiver.deliveries.length;
  const next = await makeEndpoint(200);
  await gateways[1].app.get(Accounts).setWebhookUrl(endpoint.account.atsId, next.receiver.url, 'test');
  expect(await health(endpoint)).toMatchObject({ failures_in_row: 0, breaker_pause_ms: 0, paused_for: -1 });
  await untilEmpty(endpoint);
  expect(next.receiver.deliveries).toHaveLength(ids.length);
  expect(endpoint.receiver.deliveries).toHaveLength(sent);
});

test.each([
  ['410', 410, {}],
  ['Retry-After', 503, { 'Retry-After': '3600' }],
])('what the old URL still answers (%s) is not held against the new one', async (_, status, headers) => {
  const endpoint = await makeEndpoint('hold');
  await write(endpoint, 'a');
  await until('the request', () => endpoint.held.length > 0);
  const next = await makeEndpoint(200);
  await gateways[1].app.get(Accounts).setWebhookUrl(endpoint.account.atsId, next.receiver.url, 'test');
  answerHeld(endpoint, status, headers);
  await untilEmpty(endpoint);
  expect(next.receiver.deliveries).toHaveLength(1);
  expect(await health(endpoint)).toMatchObject({ failures_in_row: 0, disabled_reason: null, paused_for: -1 });
});

test('an attempt whose lease was lost tells nothing of the endpoint', async () => {
  const endpoint = await makeEndpoint('hold');
  const [id] = await write(endpoint, 'a');
  await until('the request', () => endpoint.held.length > 0);
  const before = await health(endpoint);
  // Another worker has claimed it, and holds it for the length of the test.
  await sql(
    `update outbox_message set attempt = attempt + 1, leased_until = now() + interval '1 hour' where reference_id = $1`,
    [id],
  );
  const settled = gateways.map(({ app }) => jest.spyOn(app.get(Outbox), 'settle'));
  answerHeld(endpoint, 410);
  await until('the stale settling', () => settled.some((spy) => spy.mock.results.length > 0));
  await Promise.all(settled.flatMap((spy) => spy.mock.results.map((result) => result.value as Promise<boolean>)));
  expect(await health(endpoint)).toEqual(before);
  expect(await sql('select from delivery_attempt where reference_id = $1', [id])).toHaveLength(0);
  endpoint.answers = 200;
  await sql('update outbox_message set leased_until = now() where reference_id = $1', [id]);
  await untilEmpty(endpoint);
  for (const spy of settled) spy.mockRestore();
});
