import { Client } from 'pg';
import { signatureHeader } from '../../src/signing/signature';
import { call, makeAccount, startGateway, type Gateway, type TestAccount } from '../support/gateway';
import { startReceiver, type Receiver, type ResultBody } from '../support/receiver';
import { until } from '../support/until';

const KEY = 'an-internal-key-for-tests';

let gateway: Gateway;
let database: Client;
let receiver: Receiver;
let account: TestAccount;
let accounts = 0;
let events = 0;

beforeAll(async () => {
  gateway = await startGateway({ env: { INTERNAL_API_KEY: KEY, RATE_LIMIT_PER_SECOND: '1000' } });
  database = new Client({ connectionString: gateway.databaseUrl });
  await database.connect();
});

beforeEach(async () => {
  receiver = await startReceiver(() => account.outgoingSecret);
  account = await makeAccount(gateway, `account-${accounts++}`, receiver.url);
});

afterEach(() => receiver.close());

afterAll(async () => {
  await database.end();
  await gateway.close();
});

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown> & { errors?: { field: string }[] };
}

async function send(body: unknown, authorization: string | null = `Bearer ${KEY}`, to = gateway): Promise<Answer> {
  const response = await fetch(`${to.origin}/internal/v1/events`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...(authorization !== null && { Authorization: authorization }) },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return { status: response.status, headers: response.headers, body: (await response.json()) as Answer['body'] };
}

const envelope = () => ({ event_id: `carv-${++events}`, ats_id: account.atsId, client_id: 'client-1' });

const MEETING = {
  meeting_id: 'meeting-9',
  candidate_id: 'candidate-123',
  vacancy_id: 'vacancy-42',
  application_id: 'application-7',
  title: 'First interview',
  started_at: '2026-02-25T10:30:00Z',
  ended_at: '2026-02-25T11:15:00Z',
  participants: [{ name: 'Jane Smith', email: 'jane@example.com', role: 'candidate' }, { name: 'Ann Lee' }],
};
const OWN: Record<string, object> = {
  'meeting.transcript_ready': {
    transcript: 'Jane: hello',
    segments: [{ speaker: 'Jane', start_seconds: 0, end_seconds: 1.5, text: 'hello' }],
    language: 'en',
  },
  'meeting.summary_ready': {
    summary: 'It went well.',
    key_points: ['hello'],
    sections: [{ heading: 'All', text: 'x' }],
  },
  'meeting.notes_ready': {
    notes: 'Ask again.',
    action_items: [{ text: 'Ask', assignee: 'Ann', due_at: '2026-03-01' }],
  },
};

async function resultOf({ status, body }: Answer): Promise<ResultBody> {
  expect([status, Object.keys(body)]).toEqual([202, ['reference_id']]);
  const found = await until('the result', () =>
    receiver.deliveries.find((d) => d.body.reference_id === body.reference_id),
  );
  expect(found.verified).toBe(true);
  return found.body;
}

async function nothingAccepted(): Promise<void> {
  expect((await database.query('select from flow where ats_id = $1', [account.atsId])).rowCount).toBe(0);
}

test.each(Object.keys(OWN))(
  '%s is delivered to the ATS as it was published, and traced like any flow',
  async (event) => {
    const own = { ...MEETING, ...OWN[event] };
    const answer = await send({ ...envelope(), event, ...own });
    expect(await resultOf(answer)).toMatchObject({
      event,
      client_id: 'client-1',
      status: 'success',
      error: null,
      data: own,
    });
    const path = `/v1/flows/${String(answer.body.reference_id)}`;
    const trace = await until('the delivery in the trace', async () => {
      const { body } = await call(gateway, account, path);
      return body.status === 'delivered' && body;
    });
    expect(trace).toMatchObject({ event, source: 'internal', result: 'success' });
    const feed = await call(gateway, account, '/v1/events');
    expect((feed.body.data as ResultBody[]).map((e) => e.event)).toEqual([event]);
  },
);

test('only the meeting’s id and what is ready are needed; null is absent', async () => {
  const answer = await send({
    ...envelope(),
    event: 'meeting.transcript_ready',
    meeting_id: 'm',
    title: null,
    transcript: null,
    segments: [{ text: 'hello' }],
  });
  expect((await resultOf(answer)).data).toEqual({ meeting_id: 'm', segments: [{ text: 'hello' }] });
});

test('the events of one meeting arrive in the order in which they were published', async () => {
  receiver.script = (_delivery, _response, count) => (count === 1 ? 500 : 200);
  const sent: string[] = [];
  for (let n = 0; n < 6; n++) {
    const answer = await send({ ...envelope(), event: 'meeting.notes_ready', meeting_id: 'm', notes: `version ${n}` });
    expect(answer.status).toBe(202);
    sent.push(String(answer.body.reference_id));
  }
  await database.query('update outbox_message set available_at = now() where available_at < $1', ['infinity']);
  await until('all of them', async () => {
    await database.query(`update outbox_message set available_at = now() where available_at < 'infinity'`);
    return receiver.deliveries.length >= 7;
  });
  expect(receiver.deliveries.slice(1).map((d) => d.body.reference_id)).toEqual(sent);
});

test('an enrichment changes the entity as the ATS’s own update would', async () => {
  const created = await call(gateway, account, '/v1/candidates', {
    body: { candidate_id: 'c-1', first_name: 'Ann', last_name: 'Lee' },
  });
  expect(created.status).toBe(202);
  const answer = await send({ ...envelope(), event: 'candidate.updated', candidate_id: 'c-1', headline: ' Engineer ' });
  const data = { candidate_id: 'c-1', first_name: 'Ann', last_name: 'Lee', headline: 'Engineer' };
  expect(await resultOf(answer)).toMatchObject({ event: 'candidate.updated', status: 'success', data });
  expect((await call(gateway, account, '/v1/candidates/c-1')).body).toMatchObject(data);
  const unknown = await send({ ...envelope(), event: 'vacancy.updated', vacancy_id: 'v', title: 'x' });
  expect(await resultOf(unknown)).toMatchObject({ status: 'error', error: { code: 'not_found' } });
});

test('one event_id is one flow, however often and however parallel; another body under it is 422', async () => {
  const event = { ...envelope(), event: 'meeting.summary_ready', meeting_id: 'm', summary: 'x' };
  const answers = await Promise.all(Array.from({ length: 20 }, () => send(event)));
  expect(new Set(answers.map((a) => JSON.stringify([a.status, a.body]))).size).toBe(1);
  await resultOf(answers[0]!);
  expect((await database.query('select from flow where ats_id = $1', [account.atsId])).rowCount).toBe(1);
  const other = await send({ ...event, summary: 'y' });
  expect([other.status, other.body.errors]).toEqual([422, [{ field: 'event_id', message: expect.any(String) }]]);
});

test('an event_id of the ATS’s webhooks is another one', async () => {
  const own = { event: 'candidate.updated', event_id: 'same', client_id: 'client-1', candidate_id: 'c' };
  const internal = await send({ ...own, ats_id: account.atsId });
  const webhook = await hook({ ...own, user_id: 'u' });
  expect([internal.status, webhook.status]).toEqual([202, 202]);
  expect(((await webhook.json()) as Answer['body']).reference_id).not.toBe(internal.body.reference_id);
});

function hook(event: object): Promise<Response> {
  const raw = Buffer.from(JSON.stringify(event));
  const signature = signatureHeader([account.incomingSecret], Math.floor(Date.now() / 1000), raw);
  const headers = { 'Content-Type': 'application/json', 'X-Webhook-Signature': signature };
  return fetch(`${gateway.origin}/v1/webhooks/${account.atsId}`, { method: 'POST', headers, body: raw });
}

describe('who may publish', () => {
  test.each<[string, string | null]>([
    ['nothing', null],
    ['nothing behind the scheme', 'Bearer '],
    ['another key', `Bearer ${KEY}x`],
    ['a part of the key', `Bearer ${KEY.slice(0, -1)}`],
    ['another scheme', `Basic ${KEY}`],
    ['the key alone', KEY],
    ['two keys', `Bearer x ${KEY}`],
  ])('with %s: 401, and nothing is accepted', async (_, authorization) => {
    const { status, headers } = await send({ ...envelope(), event: 'meeting.notes_ready' }, authorization);
    expect([status, headers.get('content-type')]).toEqual([401, 'application/problem+json']);
    await nothingAccepted();
  });

  test('an account’s API key opens nothing here, and the internal key nothing elsewhere', async () => {
    const event = { ...envelope(), event: 'meeting.notes_ready', meeting_id: 'm', notes: 'x' };
    expect((await send(event, `Bearer ${account.apiKey}`)).status).toBe(401);
    expect((await call(gateway, { apiKey: KEY }, '/v1/candidates')).status).toBe(401);
  });

  test('without INTERNAL_API_KEY there is no such route, whatever is shown', async () => {
    const without = await startGateway({ env: { ROLE: 'api' }, databaseUrl: gateway.databaseUrl });
    for (const authorization of [null, `Bearer ${KEY}`, 'Bearer undefined', 'Bearer ']) {
      const { status, body } = await send({}, authorization, without);
      expect([status, body.detail]).toEqual([404, 'No such resource']);
    }
    await without.close();
  });

  test('it is Carv that is calling: no account is charged', async () => {
    const answer = await send({ ...envelope(), event: 'meeting.notes_ready', meeting_id: 'm', notes: 'x' });
    expect([answer.status, answer.headers.get('ratelimit-limit')]).toEqual([202, null]);
  });
});

describe('what cannot be published', () => {
  const notes = () => ({ ...envelope(), event: 'meeting.notes_ready', meeting_id: 'm', notes: 'x' });

  test('to an unknown or a disabled account: 404', async () => {
    expect((await send({ ...notes(), ats_id: 'nobody' })).status).toBe(404);
    await database.query('update account set enabled = false where ats_id = $1', [account.atsId]);
    const { status, body } = await send(notes());
    expect([status, body.detail]).toEqual([404, 'There is no such account, or it is disabled']);
    await nothingAccepted();
  });

  test('to a client without a workspace: 409', async () => {
    expect((await send({ ...notes(), client_id: 'nobody' })).status).toBe(409);
    await nothingAccepted();
  });

  test.each<[string, object, string[]]>([
    ['an unknown event', { event: 'meeting.started' }, ['event']],
    ['no event', { event: undefined }, ['event']],
    ['an inherited name', { event: 'constructor' }, ['event']],
    ['what only an ATS may send', { event: 'candidate.created' }, ['event']],
    ['a deletion', { event: 'candidate.deleted' }, ['event']],
    ['a provisioning', { event: 'workspace.created' }, ['event']],
    ['no account', { ats_id: undefined }, ['ats_id']],
    ['an account that is no text', { ats_id: ['x'] }, ['ats_id']],
    ['an account with a NUL', { ats_id: 'a\0' }, ['ats_id']],
    ['no event_id', { event_id: undefined, client_id: '' }, ['event_id', 'client_id']],
    ['an empty user', { user_id: '' }, ['user_id']],
    ['no meeting', { meeting_id: undefined }, ['meeting_id']],
    ['nothing that is ready', { notes: undefined }, ['notes']],
    ['blank notes', { notes: ' \n' }, ['notes']],
    ['null notes', { notes: null }, ['notes']],
    ['unknown fields', { summary: 'x', score: 1 }, ['summary', 'score']],
    ['a wrong time', { started_at: 'yesterday' }, ['started_at']],
    [
      'wrong participants',
      { participants: [{ email: 'x' }, 'Ann'] },
      ['participants.0.name', 'participants.0.email', 'participants.1'],
    ],
    ['a wrong list', { sections: { text: 'x' } }, ['sections']],
  ])('%s: 422 that names it', async (_, change, fields) => {
    const { status, body } = await send({ ...notes(), ...change });
    expect([status, body.errors?.map((e) => e.field).sort()]).toEqual([422, fields.sort()]);
    await nothingAccepted();
  });

  test('a transcript needs its text or its segments', async () => {
    const transcript = { ...envelope(), event: 'meeting.transcript_ready', meeting_id: 'm' };
    expect((await send(transcript)).body.errors).toEqual([{ field: 'transcript', message: 'is required' }]);
    const wrong = await send({ ...transcript, segments: [{ text: '', start_seconds: -1 }] });
    expect(wrong.body.errors?.map((e) => e.field)).toEqual(['segments.0.start_seconds', 'segments.0.text']);
  });

  test('more than 1 MiB: 413; no JSON: 400; an array: 422', async () => {
    expect((await send({ ...notes(), notes: 'x'.repeat(1024 * 1024) })).status).toBe(413);
    expect((await send('{')).status).toBe(400);
    expect((await send([notes()])).status).toBe(422);
  });

  test('an ATS cannot say what only Carv knows: over a webhook a meeting is no known event', async () => {
    for (const [event, own] of Object.entries(OWN)) {
      const response = await hook({
        event,
        event_id: `e-${event}`,
        client_id: 'client-1',
        user_id: 'u',
        ...MEETING,
        ...own,
      });
      expect([response.status, ((await response.json()) as Answer['body']).errors]).toEqual([
        422,
        [{ field: 'event', message: 'is not a known event' }],
      ]);
    }
    await nothingAccepted();
  });
});
