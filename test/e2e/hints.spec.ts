import { query } from '../support/embedded-server';
import { call, makeAccount, startGateway, type Gateway, type TestAccount } from '../support/gateway';
import { startReceiver, type Receiver } from '../support/receiver';
import { until } from '../support/until';

const CANDIDATES = ['c-1', 'c-2', 'c-3'];
const UPDATES = 5;

let gateway: Gateway;
let receiver: Receiver;
let account: TestAccount;

beforeAll(async () => {
  gateway = await startGateway({ hints: false, env: { DELIVERY_RETRY_SCHEDULE: '1,1,1' } });
  receiver = await startReceiver(() => account.outgoingSecret);
  account = await makeAccount(gateway, 'acme', receiver.url, ['client-1', 'client-2']);
});

afterAll(async () => {
  await gateway.close();
  await receiver.close();
});

beforeEach(() => {
  receiver.deliveries.length = 0;
  receiver.script = () => 200;
});

async function accepted(
  path: string,
  options: { method?: string; clientId?: string; body?: unknown },
): Promise<string> {
  const { status, body } = await call(gateway, account, path, options);
  expect(status).toBe(202);
  return String(body.reference_id);
}

/** Both queues, so that nothing can arrive any more. */
async function queuesAreEmpty(): Promise<boolean> {
  const [row] = await query<{ empty: boolean }>(
    gateway.databaseUrl,
    'select not exists (select from inbox_message) and not exists (select from outbox_message) as empty',
  );
  return row?.empty === true;
}

test('without hints every write is delivered once, those of one candidate in their order', async () => {
  const sent: { key: string; referenceId: string }[] = [];
  const write = async (clientId: string, candidateId: string, method: string, body?: object) => {
    const path = method === 'POST' ? '/v1/candidates' : `/v1/candidates/${candidateId}`;
    sent.push({ key: `${clientId} ${candidateId}`, referenceId: await accepted(path, { method, clientId, body }) });
  };
  const life = async (clientId: string, candidateId: string) => {
    await write(clientId, candidateId, 'POST', { candidate_id: candidateId, first_name: 'Ann', last_name: 'Lee' });
    for (let n = 0; n < UPDATES; n++) await write(clientId, candidateId, 'PATCH', { headline: String(n) });
    await write(clientId, candidateId, 'DELETE');
  };
  await Promise.all(['client-1', 'client-2'].flatMap((client) => CANDIDATES.map((id) => life(client, id))));
  await until('everything to be delivered', queuesAreEmpty);

  expect(receiver.deliveries.every((d) => d.verified && d.body.status === 'success')).toBe(true);
  expect(receiver.deliveries).toHaveLength(sent.length);
  const arrived = (key: string) =>
    receiver.deliveries.filter((d) => `${d.body.client_id} ${String(d.body.data.candidate_id)}` === key);
  for (const key of new Set(sent.map((s) => s.key))) {
    expect(arrived(key).map((d) => d.body.reference_id)).toEqual(
      sent.filter((s) => s.key === key).map((s) => s.referenceId),
    );
  }
});

test('without hints a failed delivery is repeated, and what waits behind it follows', async () => {
  const body = { candidate_id: 'c-retry', first_name: 'Ann', last_name: 'Lee' };
  receiver.script = (_delivery, _response, count) => (count <= 2 ? 500 : 200);
  const first = await accepted('/v1/candidates', { body });
  const second = await accepted('/v1/candidates/c-retry', { method: 'PATCH', body: { headline: 'x' } });
  await until('everything to be delivered', queuesAreEmpty);
  expect(receiver.deliveries.map((d) => d.body.reference_id)).toEqual([first, first, first, second]);
  expect(new Set(receiver.deliveries.slice(0, 3).map((d) => d.raw.toString())).size).toBe(1);
});

test('without hints the provisioning gate, unknown ids and the trace are as with them', async () => {
  const provisioning = { client_id: 'new', name: 'New', admin_name: 'Ann', admin_email: 'ann@example.com' };
  const provisioned = await accepted('/v1/workspaces', { body: provisioning });
  const unknown = await accepted('/v1/candidates/nobody', {
    method: 'PATCH',
    clientId: 'new',
    body: { headline: 'x' },
  });
  for (const referenceId of [provisioned, unknown]) {
    await until('the flow to be delivered', async () => {
      const { body } = await call(gateway, account, `/v1/flows/${referenceId}`);
      return body.status === 'delivered';
    });
  }
  const result = (id: string) => receiver.deliveries.find((d) => d.body.reference_id === id)?.body;
  expect(result(provisioned)).toMatchObject({ event: 'workspace.provisioned', status: 'success' });
  expect(result(unknown)).toMatchObject({ event: 'candidate.updated', error: { code: 'not_found' } });
});
