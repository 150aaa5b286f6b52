import { signatureHeader } from '../../src/signing/signature';
import { call, makeAccount, startGateway, type Gateway, type TestAccount } from '../support/gateway';
import { startReceiver, type Receiver } from '../support/receiver';
import { until } from '../support/until';

let gateway: Gateway;
let receiver: Receiver;
let account: TestAccount;

beforeAll(async () => {
  gateway = await startGateway();
  receiver = await startReceiver(() => account.outgoingSecret);
  account = await makeAccount(gateway, 'acme', receiver.url);
});

afterAll(async () => {
  await gateway.close();
  await receiver.close();
});

async function resultOf(referenceId: unknown) {
  const find = () => receiver.deliveries.find((d) => d.body.reference_id === referenceId);
  await until(`the result of ${String(referenceId)}`, () => find() !== undefined);
  return find()!;
}

test('a candidate over REST is normalised, stored, and its result arrives signed', async () => {
  const sent = {
    candidate_id: 'c-1',
    first_name: '  Jane \u00a0 ',
    last_name: 'Smith',
    email: ' Jane@EXAMPLE.com ',
    phone: '+49 (30) 901820',
    skills: ['Go', 'go', 'SQL'],
    custom_fields: { constructor: 'kept', nested: { ['__proto__']: 1 } },
  };
  const { status, body } = await call(gateway, account, '/v1/candidates', { body: sent });
  expect(status).toBe(202);
  const { headers, body: result, verified } = await resultOf(body.reference_id);
  expect(verified).toBe(true);
  expect(headers).toMatchObject({
    'content-type': 'application/json',
    'user-agent': 'CarvOS-Webhooks/1',
    'x-carv-causation-id': body.reference_id,
    'x-carv-event': 'candidate.created',
    'webhook-id': result.event_id,
  });
  expect(result).toMatchObject({ event: 'candidate.created', status: 'success', error: null, client_id: 'client-1' });
  expect(result.data).toEqual({
    candidate_id: 'c-1',
    first_name: 'Jane',
    last_name: 'Smith',
    email: 'Jane@example.com',
    phone: '+4930901820',
    skills: ['Go', 'SQL'],
    custom_fields: { constructor: 'kept', nested: JSON.parse('{"__proto__":1}') as object },
  });
  const read = await call(gateway, account, '/v1/candidates/c-1');
  expect(read.body).toMatchObject(result.data);
});

test('a signed webhook does what its REST twin does', async () => {
  const event = {
    event: 'candidate.created',
    event_id: 'evt-001',
    client_id: 'client-1',
    user_id: 'user-1',
    candidate_id: 'c-2',
    first_name: 'Jane',
    last_name: 'Smith',
  };
  const raw = Buffer.from(JSON.stringify(event));
  const response = await fetch(`${gateway.origin}/v1/webhooks/acme`, {
    method: 'POST',
    headers: {
      'Content-Type': 'application/json',
      'X-Webhook-Signature': signatureHeader([account.incomingSecret], Math.floor(Date.now() / 1000), raw),
    },
    body: raw,
  });
  expect(response.status).toBe(202);
  const { reference_id } = (await response.json()) as { reference_id: string };
  expect((await resultOf(reference_id)).body).toMatchObject({
    event: 'candidate.created',
    data: { candidate_id: 'c-2' },
  });
});

test('update, upsert, delete and unknown ids answer what the contract says', async () => {
  const write = async (path: string, method: string, body?: object) =>
    (await resultOf((await call(gateway, account, path, { method, body })).body.reference_id)).body;
  await write('/v1/candidates', 'POST', { candidate_id: 'c-3', first_name: 'A', last_name: 'B', headline: 'x' });
  expect(await write('/v1/candidates', 'POST', { candidate_id: 'c-3', first_name: 'A', last_name: 'C' })).toMatchObject(
    {
      event: 'candidate.updated',
      data: { candidate_id: 'c-3', first_name: 'A', last_name: 'C' },
    },
  );
  expect(await write('/v1/candidates/c-3', 'PATCH', { headline: 'y', email: null })).toMatchObject({
    event: 'candidate.updated',
    data: { last_name: 'C', headline: 'y' },
  });
  expect(await write('/v1/candidates/c-3', 'DELETE')).toMatchObject({
    event: 'candidate.deleted',
    status: 'success',
    data: { candidate_id: 'c-3' },
  });
  expect(await write('/v1/candidates/c-3', 'PATCH', { headline: 'z' })).toMatchObject({
    event: 'candidate.updated',
    status: 'error',
    error: { code: 'not_found' },
    data: { candidate_id: 'c-3' },
  });
});

test('one reference_id shows the flow from end to end, to its own account only', async () => {
  const { body } = await call(gateway, account, '/v1/candidates', {
    body: { candidate_id: 'c-4', first_name: 'A', last_name: 'B' },
  });
  const path = `/v1/flows/${String(body.reference_id)}`;
  await until('the flow to be delivered', async () => (await call(gateway, account, path)).body.status === 'delivered');
  const trace = (await call(gateway, account, path)).body;
  expect(trace).toMatchObject({ event: 'candidate.created', source: 'rest', result: 'success', client_id: 'client-1' });
  expect((trace.timeline as { stage: string }[]).map((entry) => entry.stage)).toEqual([
    'accepted',
    'processed',
    'attempt',
    'delivered',
  ]);
  const other = await makeAccount(gateway, 'other', null);
  expect((await call(gateway, other, path)).status).toBe(404);
});

test('provisioning opens the gate with its 202', async () => {
  const candidate = { candidate_id: 'c-1', first_name: 'A', last_name: 'B' };
  expect((await call(gateway, account, '/v1/candidates', { clientId: 'new', body: candidate })).status).toBe(409);
  const provisioning = { client_id: 'new', name: 'New', admin_name: 'Ann', admin_email: 'ann@example.com' };
  const provisioned = await call(gateway, account, '/v1/workspaces', { body: provisioning });
  expect(provisioned.status).toBe(202);
  const accepted = await call(gateway, account, '/v1/candidates', { clientId: 'new', body: candidate });
  expect(accepted.status).toBe(202);
  const member = { user_id: 'u-2', name: 'Bob', email: 'bob@example.com' };
  const added = await call(gateway, account, '/v1/workspaces/new/members', { body: member });
  expect((await resultOf(provisioned.body.reference_id)).body).toMatchObject({
    event: 'workspace.provisioned',
    data: provisioning,
  });
  expect((await resultOf(accepted.body.reference_id)).body.client_id).toBe('new');
  expect((await resultOf(added.body.reference_id)).body).toMatchObject({
    event: 'workspace.member_added',
    data: member,
  });
});
