import { randomUUID } from 'node:crypto';
import { signatureHeader } from '../../src/signing/signature';
import { call, makeAccount, startGateway, type Gateway, type TestAccount } from '../support/gateway';
import { startReceiver, type Receiver, type ResultBody } from '../support/receiver';
import { until } from '../support/until';

let gateway: Gateway;
let receiver: Receiver;
let account: TestAccount;
let clients = 0;
let clientId: string;

beforeAll(async () => {
  gateway = await startGateway();
  receiver = await startReceiver(() => account.outgoingSecret);
  account = await makeAccount(gateway, 'acme', receiver.url);
});

beforeEach(async () => {
  clientId = `own-${++clients}`;
  const body = { client_id: clientId, name: clientId, admin_name: 'Ann', admin_email: 'ann@example.com' };
  expect((await call(gateway, account, '/v1/workspaces', { body })).status).toBe(202);
});

afterAll(async () => {
  await gateway.close();
  await receiver.close();
});

type Fields = Record<string, unknown>;

const PLURAL = { candidate: 'candidates', vacancy: 'vacancies', application: 'applications' } as const;
type Name = keyof typeof PLURAL;
const NAMES = Object.keys(PLURAL) as Name[];

const WHOLE: Record<Name, Fields> = {
  candidate: { candidate_id: 'c-1', first_name: 'Jane', last_name: 'Smith' },
  vacancy: { vacancy_id: 'v-1', title: 'Engineer' },
  application: { application_id: 'a-1', candidate_id: 'c-1', vacancy_id: 'v-1' },
};

async function rest(method: string, path: string, body?: object): Promise<string> {
  const answer = await call(gateway, account, `/v1/${path}`, { method, clientId, body });
  expect(answer).toMatchObject({ status: 202 });
  return String(answer.body.reference_id);
}

async function webhook(event: string, fields: object): Promise<Response> {
  const body = { event, event_id: randomUUID(), client_id: clientId, user_id: 'user-1', ...fields };
  const raw = Buffer.from(JSON.stringify(body));
  const signature = signatureHeader([account.incomingSecret], Math.floor(Date.now() / 1000), raw);
  const headers = { 'Content-Type': 'application/json', 'X-Webhook-Signature': signature };
  return fetch(`${gateway.origin}/v1/webhooks/acme`, { method: 'POST', headers, body: raw });
}

async function accepted(response: Response): Promise<string> {
  expect(response.status).toBe(202);
  return ((await response.json()) as { reference_id: string }).reference_id;
}

async function resultOf(referenceId: string): Promise<ResultBody> {
  const find = () => receiver.deliveries.find((d) => d.body.reference_id === referenceId);
  await until(`the result of ${referenceId}`, () => find() !== undefined);
  return find()!.body;
}

const read = (path: string, headers = {}) => call(gateway, account, `/v1/${path}`, { clientId, headers });

const post = (name: Name, fields: Fields = {}): Promise<string> =>
  rest('POST', PLURAL[name], { ...WHOLE[name], ...fields });

describe.each(NAMES)('a %s', (name) => {
  const id = String(WHOLE[name][`${name}_id`]);
  const path = `${PLURAL[name]}/${id}`;

  beforeEach(async () => {
    if (name !== 'application') return;
    await post('candidate');
    await post('vacancy');
  });

  it('is created, replaced, changed and deleted over REST, each with the result it asks for', async () => {
    const custom_fields = { keep: 1, drop: 2 };
    const created = await resultOf(await post(name, { custom_fields }));
    expect(created).toMatchObject({ event: `${name}.created`, status: 'success' });
    expect(created.data).toMatchObject({ ...WHOLE[name], custom_fields });

    const patched = await resultOf(await rest('PATCH', path, { custom_fields: { drop: null, more: [3] } }));
    expect(patched).toMatchObject({ event: `${name}.updated`, status: 'success', client_id: clientId });
    expect(patched.data).toMatchObject({ ...WHOLE[name], custom_fields: { keep: 1, more: [3] } });

    const replaced = await resultOf(await post(name));
    expect(replaced).toMatchObject({ event: `${name}.updated`, status: 'success' });
    expect(replaced.data).not.toHaveProperty('custom_fields');

    const deleted = await resultOf(await rest('DELETE', path));
    expect(deleted).toMatchObject({ event: `${name}.deleted`, status: 'success', data: { [`${name}_id`]: id } });
    expect((await read(path)).status).toBe(404);
  });

  it('is created, changed and deleted by webhooks as by their REST twins', async () => {
    const created = await resultOf(await accepted(await webhook(`${name}.created`, WHOLE[name])));
    expect(created).toMatchObject({ event: `${name}.created`, status: 'success', data: WHOLE[name] });
    const update = { [`${name}_id`]: id, custom_fields: { seen: true } };
    const updated = await resultOf(await accepted(await webhook(`${name}.updated`, update)));
    expect(updated).toMatchObject({
      event: `${name}.updated`,
      data: { ...WHOLE[name], custom_fields: { seen: true } },
    });
    const deleted = await resultOf(await accepted(await webhook(`${name}.deleted`, { [`${name}_id`]: id })));
    expect(deleted).toMatchObject({ event: `${name}.deleted`, status: 'success' });
  });

  it('that does not exist is not_found to a change and a deletion', async () => {
    const error = { code: 'not_found' };
    const none = { status: 'error', error, data: { [`${name}_id`]: 'none' } };
    expect(await resultOf(await rest('PATCH', `${PLURAL[name]}/none`, { custom_fields: {} }))).toMatchObject(none);
    expect(await resultOf(await rest('DELETE', `${PLURAL[name]}/none`))).toMatchObject(none);
  });

  it('changed to what it is already still has its one result', async () => {
    await post(name);
    const result = await resultOf(await rest('PATCH', path, {}));
    expect(result).toMatchObject({ event: `${name}.updated`, status: 'success', data: WHOLE[name] });
  });

  it('is read as it was delivered, by its id, with its version, and in lists', async () => {
    const result = await resultOf(await post(name));
    const one = await read(path);
    expect(one.status).toBe(200);
    expect(one.body).toMatchObject(result.data);
    const known = await read(path, { 'If-None-Match': one.headers.get('ETag') });
    expect(known.status).toBe(304);
    await resultOf(await post(name, { [`${name}_id`]: 'second' }));
    const first = await read(`${PLURAL[name]}?limit=1`);
    expect(first.body.data).toEqual([one.body]);
    const second = await read(`${PLURAL[name]}?limit=1&cursor=${String(first.body.next_cursor)}`);
    expect(second.body.data).toMatchObject([{ [`${name}_id`]: 'second' }]);
    const later = await read(`${PLURAL[name]}?updated_after=${String(one.body.updated_at)}`);
    expect(later.body).toMatchObject({ data: [{ [`${name}_id`]: 'second' }], next_cursor: null });
  });

  it('with an unknown field or without a required one is refused, naming it', async () => {
    const { [`${name}_id`]: _, ...rest } = WHOLE[name];
    const body = { ...rest, surprise: 1 };
    const answer = await call(gateway, account, `/v1/${PLURAL[name]}`, { clientId, body });
    expect(answer.status).toBe(422);
    const fields = (answer.body.errors as { field: string }[]).map((e) => e.field);
    expect(fields.sort()).toEqual(['surprise', `${name}_id`].sort());
    expect((await webhook(`${name}.created`, body)).status).toBe(422);
  });

  it('patched with null for a required field, or with the id of another, is refused', async () => {
    for (const body of [{ [Object.keys(WHOLE[name])[1]!]: null }, { [`${name}_id`]: 'another' }]) {
      expect(await call(gateway, account, `/v1/${path}`, { method: 'PATCH', clientId, body })).toMatchObject({
        status: 422,
      });
    }
  });
});

describe('a vacancy', () => {
  it('is normalised, its lines kept', async () => {
    const sent = { title: '  Back\u00a0end  engineer ', description: ' Build.\r\nShip. \n', skills: ['Go', 'GO', ' '] };
    const { data } = await resultOf(await post('vacancy', sent));
    expect(data).toMatchObject({ title: 'Back end engineer', description: 'Build.\nShip.', skills: ['Go'] });
  });

  it.each([{ min: 1, currency: 'EUR' }, 50_000, '50k'])('keeps the salary %j as it was sent', async (salary) => {
    expect((await resultOf(await post('vacancy', { salary }))).data).toMatchObject({ salary });
  });

  it.each([
    ['status', 'maybe'],
    ['salary', [1]],
    ['salary', true],
    ['title', ' '],
  ])('is refused with the %s %j', async (field, value) => {
    const body = { ...WHOLE.vacancy, [field]: value };
    const answer = await call(gateway, account, '/v1/vacancies', { clientId, body });
    expect(answer).toMatchObject({ status: 422, body: { errors: [{ field }] } });
  });
});

describe('an application', () => {
  it.each(['candidate', 'vacancy'] as const)('of an unknown %s is an error that says so', async (missing) => {
    await post(missing === 'candidate' ? 'vacancy' : 'candidate');
    const result = await resultOf(await post('application'));
    expect(result).toMatchObject({
      event: 'application.created',
      status: 'error',
      error: { code: `unknown_${missing}` },
      data: { application_id: 'a-1' },
    });
    expect((await read('applications/a-1')).status).toBe(404);
  });

  it('never fails for a candidate and a vacancy that were acknowledged before it', async () => {
    const applications: string[] = [];
    for (let n = 0; n < 30; n++) {
      await Promise.all([
        post('candidate', { candidate_id: `c-${n}` }),
        accepted(await webhook('vacancy.created', { vacancy_id: `v-${n}`, title: 'Engineer' })),
      ]);
      const fields = { application_id: `a-${n}`, candidate_id: `c-${n}`, vacancy_id: `v-${n}` };
      applications.push(await post('application', fields));
    }
    const results = await Promise.all(applications.map(resultOf));
    expect(results.map((r) => r.status)).toEqual(results.map(() => 'success'));
  });

  it('sees neither the candidates of another workspace nor those of another account', async () => {
    await post('candidate');
    const body = { client_id: 'neighbour', name: 'n', admin_name: 'Ann', admin_email: 'ann@example.com' };
    await call(gateway, account, '/v1/workspaces', { body });
    clientId = 'neighbour';
    await post('vacancy');
    expect(await resultOf(await post('application'))).toMatchObject({ error: { code: 'unknown_candidate' } });
  });

  it('outlives its candidate, and may be changed but not moved to one that is gone', async () => {
    await post('candidate');
    await post('vacancy');
    await post('application');
    await rest('DELETE', 'candidates/c-1');
    const changed = await resultOf(await rest('PATCH', 'applications/a-1', { stage: 'hired' }));
    expect(changed).toMatchObject({ status: 'success', data: { candidate_id: 'c-1', stage: 'hired' } });
    const moved = await resultOf(await rest('PATCH', 'applications/a-1', { candidate_id: 'c-2' }));
    expect(moved).toMatchObject({
      event: 'application.updated',
      status: 'error',
      error: { code: 'unknown_candidate' },
    });
    expect((await read('applications/a-1')).body).toMatchObject({ candidate_id: 'c-1', stage: 'hired' });
  });

  it.each(['yesterday', '2026-02-30', 5])('is refused with applied_at %j', async (applied_at) => {
    const body = { ...WHOLE.application, applied_at };
    const answer = await call(gateway, account, '/v1/applications', { clientId, body });
    expect(answer).toMatchObject({ status: 422, body: { errors: [{ field: 'applied_at' }] } });
  });
});
