import { Database, statement } from '../../src/database/database';
import { encodeCursor } from '../../src/feed/cursor';
import { Readiness } from '../../src/ops/readiness';
import { signatureHeader } from '../../src/signing/signature';
import { Contract, type Answer, type Operation } from '../support/contract';
import { makeAccount, startGateway, type Gateway, type TestAccount } from '../support/gateway';
import { startReceiver, type Receiver } from '../support/receiver';
import { until } from '../support/until';
import { form, type Part } from '../support/uploads';

let gateway: Gateway;
let receiver: Receiver;
let account: TestAccount;
let contract: Contract;

const INTERNAL_API_KEY = 'the-internal-key-of-this-very-test';
const RAISE_FLOOR = statement('test_raise_floor', 'update event_feed set floor = 5 where ats_id = $1');

/** Statuses that were seen, by operation. */
const seen = new Map<string, Set<number>>();
const accepted: string[] = [];

beforeAll(async () => {
  gateway = await startGateway({ env: { INTERNAL_API_KEY } });
  receiver = await startReceiver(() => account.outgoingSecret);
  account = await makeAccount(gateway, 'acme', receiver.url);
  contract = new Contract(await (await fetch(`${gateway.origin}/openapi.json`)).json());
});

afterAll(async () => {
  await gateway.close();
  await receiver.close();
});

interface Sending {
  /** Of another gateway than the one that all are sent to. */
  readonly at?: { readonly origin: string; readonly account: TestAccount };
  readonly path?: Record<string, string>;
  readonly query?: string;
  /** Undefined takes a header away. */
  readonly headers?: Record<string, string | undefined>;
  readonly body?: unknown;
}

const operation = (id: string): Operation => contract.operations.find((o) => o.id === id)!;

/** Sends a request of this operation and holds the answer against the document. */
async function send(id: string, { path = {}, query = '', headers = {}, body, at }: Sending = {}): Promise<Answer> {
  const { origin, account: caller } = at ?? { origin: gateway.origin, account };
  const target = operation(id);
  const raw = body === undefined || typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
  const address = target.path.replace(/\{(\w+)\}/g, (_, name: string) => path[name] ?? PATH[name]!);
  const all: Record<string, string | undefined> = {
    ...(target.parameters('header').includes('X-ATS-Client-ID') && { 'X-ATS-Client-ID': 'client-1' }),
    ...(target.parameters('header').includes('X-ATS-User-ID') && { 'X-ATS-User-ID': 'user-1' }),
    ...(target.secured && id !== 'receiveWebhook' && { 'X-API-Key': caller.apiKey }),
    ...(id === 'receiveWebhook' && { 'X-Webhook-Signature': sign(caller, String(raw)) }),
    ...(raw !== undefined && { 'Content-Type': 'application/json' }),
    ...headers,
  };
  const response = await fetch(`${origin}${address}${query}`, {
    method: target.method.toUpperCase(),
    headers: Object.fromEntries(Object.entries(all).filter((e): e is [string, string] => e[1] !== undefined)),
    body: Buffer.isBuffer(raw) ? new Uint8Array(raw) : (raw ?? null),
  });
  const answer = { status: response.status, headers: response.headers, text: await response.text() };
  expect(contract.faultsOf(target, answer)).toEqual([]);
  seen.set(id, (seen.get(id) ?? new Set()).add(answer.status));
  if (answer.status === 202) accepted.push((JSON.parse(answer.text) as { reference_id: string }).reference_id);
  return answer;
}

function sign(caller: TestAccount, raw: string): string {
  return signatureHeader([caller.incomingSecret], Math.floor(Date.now() / 1000), Buffer.from(raw));
}

/** What stands in a path unless a case says otherwise. */
const PATH: Record<string, string> = {
  candidate_id: 'candidate-123',
  vacancy_id: 'vacancy-42',
  application_id: 'application-7',
  client_id: 'client-1',
  ats_id: 'acme',
  event: 'candidate.created',
  reference_id: '019db49a-860b-74cb-8199-635ca3ad7f59',
};

/** What this operation may be sent, its body as the document's example has it. */
function sendingOf(id: string): { body?: unknown; headers?: Record<string, string> } {
  if (operation(id).body === undefined) return {};
  if (!('multipart/form-data' in operation(id).body.content)) return { body: example(id) };
  const { type, body } = form([{}]);
  return { body: body.toString(), headers: { 'Content-Type': type } };
}

/** The body that the document itself gives as an example. */
function example(id: string): Record<string, unknown> {
  const { example, examples } = operation(id).body.content['application/json'];
  return example ?? Object.values<{ value: object }>(examples)[0]!.value;
}

async function write(id: string, sending: Sending): Promise<string> {
  if (sending.body !== undefined) expect(contract.bodyFaults(operation(id), sending.body)).toEqual([]);
  const answer = await send(id, sending);
  expect(answer.status).toBe(202);
  return (JSON.parse(answer.text) as { reference_id: string }).reference_id;
}

const deliveryOf = (referenceId: string) => receiver.deliveries.find((d) => d.body.reference_id === referenceId);

async function result(referenceId: string) {
  return (await until(`the result of ${referenceId}`, () => deliveryOf(referenceId))).body;
}

async function expectStatus(expected: number, id: string, sending: Sending = {}): Promise<Answer> {
  const answer = await send(id, sending);
  expect(`${id}: ${answer.status}`).toBe(`${id}: ${expected}`);
  return answer;
}

/** Everything one can do with one kind of entity; what the others need is left in place. */
async function entityCase(name: 'Candidate' | 'Vacancy' | 'Application', plural: string, patch: object) {
  const body = example(`create${name}`);
  await result(await write(`create${name}`, { body }));
  await result(await write(`create${name}`, { body }));
  await result(await write(`update${name}`, { body: patch }));
  const mergePatch = { 'Content-Type': 'application/merge-patch+json' };
  await result(await write(`update${name}`, { body: patch, headers: mergePatch }));
  const found = await expectStatus(200, `get${name}`);
  await expectStatus(304, `get${name}`, { headers: { 'If-None-Match': found.headers.get('etag')! } });
  const missing = { path: { [`${name.toLowerCase()}_id`]: 'nobody' } };
  await expectStatus(404, `get${name}`, missing);
  await expectStatus(200, `list${plural}`, { query: '?limit=1&updated_after=2026-02-25T10:30:00Z' });
  await expectStatus(422, `list${plural}`, { query: '?limit=0&colour=red' });
  const failed = await result(await write(`update${name}`, { body: patch, ...missing }));
  expect(failed).toMatchObject({ status: 'error', error: { code: 'not_found' } });
  const another = { [`${name.toLowerCase()}_id`]: 'another' };
  await result(await write(`create${name}`, { body: { ...body, ...another } }));
  await result(await write(`delete${name}`, { path: another }));
  await result(await write(`delete${name}`, { path: another }));
}

/** Every operation of the document has a case: what it takes to see its answers. Order matters. */
const CASES: Record<string, () => Promise<unknown>> = {
  provisionWorkspace: async () => {
    const provisioned = await write('provisionWorkspace', { body: example('provisionWorkspace') });
    expect(await result(provisioned)).toMatchObject({ event: 'workspace.provisioned', status: 'success' });
  },
  addMember: async () => {
    const added = await result(await write('addMember', { body: example('addMember') }));
    expect(added).toMatchObject({ event: 'workspace.member_added', status: 'success' });
    await expectStatus(409, 'addMember', { body: example('addMember'), path: { client_id: 'nobody' } });
  },
  getWorkspace: async () => {
    const found = await expectStatus(200, 'getWorkspace');
    await expectStatus(304, 'getWorkspace', { headers: { 'If-None-Match': found.headers.get('etag')! } });
    await expectStatus(404, 'getWorkspace', { path: { client_id: 'nobody' } });
    await expectStatus(422, 'getWorkspace', { path: { client_id: 'x'.repeat(201) } });
  },
  listWorkspaces: () => expectStatus(200, 'listWorkspaces', { query: '?limit=1&updated_after=2026-02-25T10:30:00Z' }),
  createCandidate: () => entityCase('Candidate', 'Candidates', { headline: null, email: 'j@example.com' }),
  createVacancy: () => entityCase('Vacancy', 'Vacancies', { salary: 'as agreed', status: 'closed' }),
  createApplication: async () => {
    await entityCase('Application', 'Applications', { stage: 'offer', source: null });
    const body = { ...example('createApplication'), application_id: 'orphan', candidate_id: 'nobody' };
    const orphan = await result(await write('createApplication', { body }));
    expect(orphan).toMatchObject({ status: 'error', error: { code: 'unknown_candidate' } });
  },
  uploadFile: async () => {
    const multipart = (parts: readonly Part[]): Sending => {
      const { type, body } = form(parts);
      return { body: body.toString(), headers: { 'Content-Type': type } };
    };
    const { text } = await expectStatus(200, 'uploadFile', sendingOf('uploadFile'));
    const { carv_file_id } = JSON.parse(text) as { carv_file_id: string };
    const body = { ...example('createCandidate'), candidate_id: 'with-cv', cv: { carv_file_id } };
    expect(await result(await write('createCandidate', { body }))).toMatchObject({ data: { cv: { carv_file_id } } });
    const thief = await result(await write('createCandidate', { body: { ...body, candidate_id: 'thief' } }));
    expect(thief).toMatchObject({ error: { code: 'file_unavailable' } });
    await expectStatus(400, 'uploadFile', {
      body: '{',
      headers: { 'Content-Type': 'multipart/form-data; boundary=b' },
    });
    await expectStatus(413, 'uploadFile', multipart([{ bytes: Buffer.alloc(11 * 1024 * 1024) }]));
    await expectStatus(415, 'uploadFile', multipart([{ bytes: Buffer.from('no document') }]));
    await expectStatus(422, 'uploadFile', multipart([{ field: 'cv' }]));
  },
  receiveWebhook: async () => {
    const { examples } = operation('receiveWebhook').body.content['application/json'];
    for (const { value } of Object.values<{ value: { event: string } }>(examples)) {
      const event = { ...value, event_id: `evt-${value.event}` };
      const client = value.event === 'workspace.created' ? 'client-2' : 'client-1';
      await result(await write('receiveWebhook', { body: { ...event, client_id: client } }));
    }
    await expectStatus(401, 'receiveWebhook', { body: {}, headers: { 'X-Webhook-Signature': 't=1,v1=00' } });
    await expectStatus(401, 'receiveWebhook', { body: {}, path: { ats_id: 'nobody' } });
    const unprovisioned = { event: 'candidate.deleted', candidate_id: 'c', user_id: 'u', event_id: 'e' };
    await expectStatus(409, 'receiveWebhook', { body: { ...unprovisioned, client_id: 'nobody' } });
  },
  getFlow: async () => {
    const body = { ...example('createCandidate'), candidate_id: 'traced' };
    const reference_id = await write('createCandidate', { body });
    await until('the flow to be delivered', async () =>
      (await send('getFlow', { path: { reference_id } })).text.includes('"status":"delivered"'),
    );
    await expectStatus(404, 'getFlow');
    await expectStatus(202, 'redeliverFlow', { path: { reference_id } });
  },
  redeliverFlow: () => expectStatus(404, 'redeliverFlow'),
  listFlows: async () => {
    for (const query of ['', '?status=delivered&limit=2', '?entity_id=candidate-123&client_id=client-1']) {
      const { text } = await expectStatus(200, 'listFlows', { query });
      expect((JSON.parse(text) as { data: object[] }).data).not.toEqual([]);
    }
  },
  listEvents: async () => {
    const first = await expectStatus(200, 'listEvents', { query: '?limit=200' });
    const { data, next_cursor } = JSON.parse(first.text) as { data: object[]; next_cursor: string };
    expect(data.length).toBeGreaterThan(10);
    await expectStatus(200, 'listEvents', { query: `?after=${next_cursor}` });
    // As the retention does when it drops the first days.
    await gateway.app.get(Database).query(RAISE_FLOOR, ['acme']);
    await expectStatus(410, 'listEvents', { query: `?after=${encodeCursor('acme', 1)}` });
  },
  listEventTypes: async () => {
    const { data } = JSON.parse((await expectStatus(200, 'listEventTypes')).text) as { data: { event: string }[] };
    expect(data.map(({ event }) => event)).toEqual(Object.keys(contract.document.webhooks as object));
  },
  getEventType: async () => {
    await expectStatus(200, 'getEventType');
    await expectStatus(404, 'getEventType', { path: { event: 'constructor' } });
  },
  getOpenApi: async () => {
    const etag = (await expectStatus(200, 'getOpenApi')).headers.get('etag')!;
    await expectStatus(304, 'getOpenApi', { headers: { 'If-None-Match': etag } });
  },
  getLiveness: () => expectStatus(200, 'getLiveness'),
  getReadiness: async () => {
    await expectStatus(200, 'getReadiness');
    gateway.app.get(Readiness).ready = false;
    await expectStatus(503, 'getReadiness');
    gateway.app.get(Readiness).ready = true;
  },
};

/** Operations whose answers are seen in the case of another. */
const SEEN_IN: Record<string, string> = Object.fromEntries(
  [
    ['Candidate', 'Candidates'],
    ['Vacancy', 'Vacancies'],
    ['Application', 'Applications'],
  ].flatMap(([one, many]) =>
    [`update${one}`, `delete${one}`, `get${one}`, `list${many}`].map((id) => [id, `create${one}`]),
  ),
);

test.each(Object.keys(CASES))('%s answers as the document says', async (id) => {
  expect(operation(id)).toBeDefined();
  await CASES[id]!();
});

test('every operation of the document has a case', () => {
  const without = contract.operations.map(({ id }) => id).filter((id) => !(id in CASES) && !(SEEN_IN[id]! in CASES));
  expect(without).toEqual([]);
});

test('every refusal that follows from credentials, headers and bodies is as the document says', async () => {
  for (const { id, secured, body, path, parameters } of contract.operations) {
    const sent = sendingOf(id);
    const sentWith = (headers: Record<string, string | undefined>): Sending => ({
      ...sent,
      headers: { ...sent.headers, ...headers },
    });
    if (secured && id !== 'receiveWebhook') await expectStatus(401, id, sentWith({ 'X-API-Key': 'wrong' }));
    if (parameters('header').includes('X-ATS-Client-ID')) {
      await expectStatus(422, id, sentWith({ 'X-ATS-Client-ID': undefined }));
      await expectStatus(409, id, sentWith({ 'X-ATS-Client-ID': 'nobody' }));
    }
    if (parameters('header').includes('Idempotency-Key')) {
      await expectStatus(422, id, sentWith({ 'Idempotency-Key': 'x'.repeat(256) }));
    }
    if (parameters('query').length > 0) await expectStatus(422, id, { query: '?colour=red' });
    if (/\{(?!ats_id)/.test(path)) {
      const [, name = ''] = /\{(\w+)\}/.exec(path)!;
      await expectStatus(400, id, { ...sent, path: { [name]: '%zz' } });
    }
    if (body?.content['application/json'] === undefined) continue;
    await expectStatus(400, id, { body: '{' });
    await expectStatus(413, id, { body: JSON.stringify('x'.repeat(1024 * 1024)) });
    await expectStatus(415, id, { body: '{}', headers: { 'Content-Type': 'text/plain' } });
    await expectStatus(422, id, { body: { surprise: true } });
    expect(contract.bodyFaults(operation(id), { surprise: true })).not.toEqual([]);
  }
});

test('who has used up the rate limit is told so, on every operation that has one', async () => {
  const limited = await startGateway({ env: { RATE_LIMIT_PER_SECOND: '0.01' } });
  const at = { origin: limited.origin, account: await makeAccount(limited, 'acme', null) };
  try {
    await expectStatus(404, 'getFlow', { at });
    for (const { id, statuses } of contract.operations.filter(({ secured }) => secured)) {
      expect(statuses).toContain(429);
      await expectStatus(429, id, { at, ...sendingOf(id) });
    }
  } finally {
    await limited.close();
  }
});

test('every status of the document was seen, but those that need a fault', () => {
  const unseen = contract.operations.flatMap(({ id, statuses, body, path }) =>
    statuses
      .filter((status) => !seen.get(id)?.has(status))
      // A fault of ours or of the database's; and a request line that Node itself refuses.
      .filter((status) => status < 500 && !(status === 400 && body === undefined && !path.includes('{')))
      .map((status) => `${id}: ${status}`),
  );
  // Too slow: in half a minute only (test/uploads/multipart.spec.ts). Not processed yet: true for milliseconds only
  // (test/e2e/redeliver.spec.ts).
  expect(unseen.sort()).toEqual(['redeliverFlow: 409', 'uploadFile: 408']);
});

/** Meetings come from Carv's own services. */
async function publishMeetings(): Promise<void> {
  const meeting = {
    ats_id: 'acme',
    client_id: 'client-1',
    meeting_id: 'm-1',
    participants: [{ name: 'Jane', role: null }],
  };
  const sections = [{ heading: null, text: 'x' }];
  const events = [
    { event: 'meeting.transcript_ready', segments: [{ text: 'Welcome', start_seconds: 1.5 }], language: 'en' },
    { event: 'meeting.summary_ready', summary: 'Fits', key_points: ['Go'], sections },
    { event: 'meeting.notes_ready', notes: 'Asked', action_items: [{ text: 'Call', due_at: '2026-03-01' }], sections },
  ];
  for (const event of events) {
    const response = await fetch(`${gateway.origin}/internal/v1/events`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${INTERNAL_API_KEY}` },
      body: JSON.stringify({ ...meeting, ...event, event_id: event.event }),
    });
    accepted.push(((await response.json()) as { reference_id: string }).reference_id);
  }
}

test('every webhook is as the document says, in its success and in its error', async () => {
  await publishMeetings();
  for (const referenceId of accepted) await result(referenceId);
  const faults = receiver.deliveries.flatMap(({ body, headers }) =>
    contract.webhookFaults(body.event, body, headers).map((fault) => `${body.event} ${body.status}: ${fault}`),
  );
  expect(faults).toEqual([]);
  expect(receiver.deliveries.filter(({ verified }) => !verified)).toEqual([]);
  const kinds = new Set(receiver.deliveries.map(({ body }) => `${body.event} ${body.status}`));
  const errors = ['candidate', 'vacancy', 'application'].flatMap((entity) =>
    ['updated error', 'deleted error'].map((kind) => `${entity}.${kind}`),
  );
  const successes = Object.keys(contract.document.webhooks as object).map((event) => `${event} success`);
  expect([...kinds]).toEqual(expect.arrayContaining([...successes, ...errors, 'application.created error']));
});

test('every sample of an event is as its schema says', () => {
  for (const [event, { post }] of Object.entries<Webhook>(contract.document.webhooks)) {
    const { examples } = post.requestBody.content['application/json'];
    for (const { value } of Object.values(examples)) {
      expect(contract.webhookFaults(event, value, HEADERS).map((fault) => `${event}: ${fault}`)).toEqual([]);
    }
  }
});

interface Webhook {
  post: { requestBody: { content: Record<'application/json', { examples: Record<string, { value: object }> }> } };
}

/** Of some webhook. */
const HEADERS = {
  'x-webhook-signature': `t=1,v1=${'0'.repeat(64)}`,
  'x-carv-causation-id': '019db49a-860b-74cb-8199-635ca3ad7f59',
  'x-carv-event': 'candidate.created',
  'user-agent': 'CarvOS-Webhooks/1',
  'webhook-id': 'evt_1',
  'webhook-timestamp': '1',
  'webhook-signature': 'v1,AAAA',
};
