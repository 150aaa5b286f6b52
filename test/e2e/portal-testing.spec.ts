import { Accounts } from '../../src/accounts/accounts.service';
import { EventTypes } from '../../src/event-types/event-types.service';
import { call } from '../support/gateway';
import type { Answer } from '../support/portal';
import { openPortalAccount, unescaped, type PortalAccount } from '../support/portal-account';
import { until } from '../support/until';

const HERE = '/portal/testing';
const EVENTS = new EventTypes().all().map(({ event }) => event);

let portal: PortalAccount;

beforeAll(async () => {
  portal = await openPortalAccount({ DELIVERY_TIMEOUT_MS: '700' });
});
beforeEach(() => portal.reset());
afterAll(() => portal.close());

const health = () => portal.sql(`select failures_in_row, paused_until, disabled_at, trusted_secret_id from endpoint`);
const logged = () =>
  portal
    .sql<Record<string, unknown>>(
      `select id, ats_id, reference_id, direction, test, event, number, outcome, status_code, error, next_attempt_at,
            signature, request_headers, payload, response_headers, response_body
       from delivery_attempt where event = any($1::text[]) order by id desc limit 1`,
      [EVENTS],
    )
    .then(([row]) => row!);

const editorOf = ({ text }: Answer) => unescaped(/<textarea[^>]*>([^<]*)<\/textarea>/.exec(text)![1]!);
const sampleOf = async (event: string, kind = 'success') =>
  editorOf(await portal.admin.get(`${HERE}?event=${event}&sample=${kind}`));
const submit = (payload: string, event = 'candidate.created', wanted = 'send') =>
  portal.admin.post(HERE, { event, sample: 'success', payload, do: wanted }, HERE);
const send = async (event = 'candidate.created') => submit(await sampleOf(event), event);

describe.each(['success', 'error'])('the sample of each event’s %s', (kind) => {
  test.each(EVENTS)(
    '%s: is about the portal.account, valid as it stands, and arrives signed and marked',
    async (event) => {
      expect(EVENTS).toHaveLength(14);
      const sample = JSON.parse(await sampleOf(event, kind)) as Record<string, unknown>;
      expect(sample).toMatchObject({ event, client_id: 'client-of-acme', status: kind, event_id: '(set when sent)' });
      const answer = await submit(JSON.stringify(sample), event);
      expect(answer).toMatchObject({
        status: 200,
        text: expect.stringContaining('A real event would count as delivered'),
      });
      expect(portal.receiver.deliveries).toHaveLength(1);
      const { body, verified, headers } = portal.receiver.deliveries[0]!;
      expect(verified).toBe(true);
      expect(headers).toMatchObject({
        'x-carvos-test': 'true',
        'x-carv-event': event,
        'x-carv-causation-id': body.reference_id,
        'webhook-id': body.event_id,
      });
      expect(body).toEqual({
        ...sample,
        event_id: `evt_${body.reference_id.replaceAll('-', '')}`,
        reference_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
      });
    },
  );
});

test('each sending has ids of its own, whatever the payload says', async () => {
  const sample = JSON.parse(await sampleOf('candidate.created')) as object;
  const ids = { event_id: `evt_${'0'.repeat(32)}`, reference_id: '019db49a-860b-74cb-8199-635ca3ad7f59' };
  for (let n = 0; n < 2; n++) await submit(JSON.stringify({ ...sample, ...ids, timestamp: '2000-01-01T00:00:00Z' }));
  const sent = portal.receiver.deliveries.map(({ body }) => [
    body.event_id,
    body.reference_id,
    body.timestamp.slice(0, 2),
  ]);
  expect(new Set(sent.flat()).size).toBe(5);
  expect(sent.flat()).not.toContain(ids.event_id);
  expect(sent.flat()).not.toContain(ids.reference_id);
});

test('a preview shows what would be sent, no signature and no secret, and sends nothing', async () => {
  const { status, text } = await submit(await sampleOf('vacancy.updated'), 'vacancy.updated', 'preview');
  expect(status).toBe(200);
  const shown = unescaped(text);
  expect(shown).toContain(`POST ${portal.receiver.url}`);
  expect(shown).toContain('X-CarvOS-Test: true');
  const body = JSON.parse(/id="preview-body"[^>]*>([^<]*)</.exec(text)![1]!.replaceAll('&quot;', '"')) as object;
  expect(body).toMatchObject({ event: 'vacancy.updated', event_id: expect.stringMatching(/^evt_[0-9a-f]{32}$/) });
  expect(text).not.toMatch(/v1=[0-9a-f]/);
  expect(text).not.toContain(portal.account.outgoingSecret);
  expect(portal.receiver.deliveries).toEqual([]);
});

test('the log has it, marked, of no flow; no list of flows, no feed, no queue and no measure has', async () => {
  const before = { health: await health(), metrics: await metrics() };
  portal.receiver.script = (_, response) =>
    void response.writeHead(503, { 'Retry-After': '60', 'X-Own': 'a' }).end('not now');
  const answer = await send();
  const row = await logged();
  expect(row).toMatchObject({
    ats_id: 'acme',
    reference_id: null,
    direction: 'outgoing',
    test: true,
    event: 'candidate.created',
    number: 1,
    outcome: 'failure',
    status_code: 503,
    next_attempt_at: null,
    payload: portal.receiver.deliveries[0]!.raw.toString(),
    signature: portal.receiver.deliveries[0]!.headers['x-webhook-signature'],
    request_headers: expect.objectContaining({ 'X-CarvOS-Test': 'true' }),
    response_headers: expect.objectContaining({ 'retry-after': '60' }),
    response_body: 'not now',
  });
  expect(answer.text).toContain(`/portal/deliveries/${row.id as string}`);
  expect(await health()).toEqual(before.health);
  expect(await metrics()).toEqual(before.metrics);
  for (const table of ['flow', 'result_event', 'outbox_message', 'dead_message'])
    expect(await portal.sql(`select from ${table}`)).toEqual([]);
  expect((await call(portal.gateway, portal.account, '/v1/flows')).body.data).toEqual([]);
  expect((await call(portal.gateway, portal.account, '/v1/events')).body.data).toEqual([]);
  expect((await portal.admin.get('/portal')).text).toContain('Healthy');
  expect((await portal.admin.get('/portal')).text).not.toContain('503');
});

test('a ping is logged as a test too, and neither it nor a test passes for a delivery that has arrived', async () => {
  portal.receiver.script = () => 500;
  await portal.admin.post('/portal/configuration/ping', {}, '/portal/configuration');
  portal.receiver.script = () => 200;
  await send();
  expect(await portal.sql(`select event, test from delivery_attempt order by id`)).toEqual([
    { event: 'ping', test: true },
    { event: 'candidate.created', test: true },
  ]);
  expect((await portal.admin.get('/portal')).text).toContain('The last ping to this URL failed.');
});

test('thirty in ten minutes, then the page asks to wait and keeps the text', async () => {
  const mine = (await sampleOf('candidate.deleted')).replace('candidate-', 'my-own-candidate-');
  const statuses: number[] = [];
  for (let n = 0; n < 30; n++) statuses.push((await submit(mine, 'candidate.deleted')).status);
  expect(new Set(statuses)).toEqual(new Set([200]));
  const refused = await submit(mine, 'candidate.deleted');
  expect(refused.status).toBe(429);
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(60);
  expect(refused.text).toMatch(/Please wait for \d+ minutes/);
  expect(editorOf(refused)).toBe(mine);
  expect(portal.receiver.deliveries).toHaveLength(30);
});

test('while two secrets count, who refuses one gets the other, and that is one test', async () => {
  await portal.gateway.app.get(Accounts).rotateSecret('acme', 'outgoing', false, 'test');
  portal.receiver.script = (_delivery, _response, count) => (count === 1 ? 401 : 200);
  const answer = await send();
  const last = portal.receiver.deliveries.map(({ headers }) => String(headers['x-webhook-signature']).slice(-64));
  expect(new Set(last).size).toBe(2);
  expect(portal.receiver.deliveries.map(({ raw }) => raw.toString())).toEqual(
    Array(2).fill(portal.receiver.deliveries[0]!.raw.toString()),
  );
  expect(answer.text).toContain('200 OK');
  expect(await portal.sql('select outcome, status_code from delivery_attempt')).toEqual([
    { outcome: 'success', status_code: 200 },
  ]);
  expect(await health()).toMatchObject([{ failures_in_row: 0 }]);
});

test('who refuses every signature is told how to compute it', async () => {
  portal.receiver.script = () => 403;
  const { text } = await send();
  expect(text).toContain('check the outgoing secret on its side');
  const signature = String(portal.receiver.deliveries.at(-1)!.headers['x-webhook-signature']);
  const [time, ...digests] = signature.split(',').map((part) => part.split('=')[1]!);
  expect(unescaped(text)).toContain(`{ printf '%s.' ${time}; cat body.json; } | openssl dgst -sha256`);
  for (const digest of digests) expect(text).toContain(`# ${digest}`);
});

test('no transaction and no lock waits for the endpoint', async () => {
  let held: (() => void) | undefined;
  let ended = false;
  portal.receiver.script = (_, response) => void (held = () => response.end());
  const sending = send().finally(() => (ended = true));
  await until('the test to arrive', () => held !== undefined);
  const busy = `select from pg_stat_activity
                 where datname = current_database() and pid <> pg_backend_pid() and xact_start is not null`;
  // Somebody's own transaction of a moment may be in the way; one of the sending's would last to its end.
  await until('no transaction to be open', async () => (await portal.sql(busy)).length === 0);
  expect(ended).toBe(false);
  held!();
  expect((await sending).status).toBe(200);
});

async function metrics(): Promise<string[]> {
  const text = await (await fetch(`${portal.gateway.origin}/metrics`)).text();
  expect(text).toContain('gateway_');
  return text.split('\n').filter((line) => /^gateway_(delivery|outbox|attempt)/.test(line));
}
