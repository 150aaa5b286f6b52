import { call, makeAccount, startGateway, type Gateway, type TestAccount } from '../support/gateway';
import { startReceiver, type Receiver } from '../support/receiver';
import { until } from '../support/until';

let gateway: Gateway;
let receiver: Receiver;
let account: TestAccount;
let other: TestAccount;

beforeAll(async () => {
  gateway = await startGateway({ env: { DELIVERY_RETRY_SCHEDULE: '0' } });
  receiver = await startReceiver(
    () => account.outgoingSecret,
    ({ body }) => (body.data.candidate_id === 'unwelcome' ? 500 : 200),
  );
  account = await makeAccount(gateway, 'acme', receiver.url, ['client-1', 'client-2']);
  other = await makeAccount(gateway, 'other', receiver.url);
});

afterAll(async () => {
  await gateway.close();
  await receiver.close();
});

interface Flow {
  readonly reference_id: string;
  readonly status: string;
}

async function write(id: string, by = account, clientId = 'client-1'): Promise<string> {
  const body = { candidate_id: id, first_name: 'Ann', last_name: 'Lee' };
  return String((await call(gateway, by, '/v1/candidates', { clientId, body })).body.reference_id);
}

const page = (query: string, by = account) => call(gateway, by, `/v1/flows?${query}`);

/** Follows the cursor to the end. */
async function find(query: string, by = account): Promise<Flow[]> {
  const found: Flow[] = [];
  for (let cursor = ''; ;) {
    const { status, body } = await page(`${query}${cursor}`, by);
    expect(status).toBe(200);
    found.push(...(body.data as Flow[]));
    if (body.next_cursor === null) return found;
    cursor = `&cursor=${body.next_cursor as string}`;
  }
}

const ids = (flows: readonly Flow[]): string[] => flows.map((f) => f.reference_id);

async function untilStatus(id: string, status: string): Promise<void> {
  await until(
    `${id} to be ${status}`,
    async () => (await call(gateway, account, `/v1/flows/${id}`)).body.status === status,
  );
}

test('flows are found by entity, client and status, newest first, as their traces show them', async () => {
  const first = await write('c-1');
  const second = await write('c-1', account, 'client-2');
  const unwelcome = await write('unwelcome');
  const third = await write('c-2');
  for (const id of [first, second, third]) await untilStatus(id, 'delivered');
  await untilStatus(unwelcome, 'dead');

  expect(ids(await find('entity_id=c-1'))).toEqual([second, first]);
  expect(ids(await find('entity_id=c-1&client_id=client-2'))).toEqual([second]);
  expect(ids(await find('client_id=client-1'))).toEqual([third, unwelcome, first]);
  expect(ids(await find('status=dead'))).toEqual([unwelcome]);
  expect(ids(await find('status=delivered'))).toEqual([third, second, first]);
  expect(await find('status=accepted')).toEqual([]);
  expect(ids(await find('entity_id=unwelcome&status=dead'))).toEqual([unwelcome]);
  expect(await find('entity_id=none')).toEqual([]);
  for (const flow of await find('limit=2')) {
    const { body } = await call(gateway, account, `/v1/flows/${flow.reference_id}`);
    const { timeline, ...trace } = body;
    expect(flow).toMatchObject(trace);
    expect(flow).toMatchObject({ accepted_at: (timeline as { at: string }[])[0]!.at });
  }
});

test('every flow is on exactly one page', async () => {
  const written: string[] = [];
  for (let n = 0; n < 7; n++) written.unshift(await write('paged'));
  for (const limit of [1, 2, 3, 7, 50]) {
    expect(ids(await find(`entity_id=paged&limit=${limit}`))).toEqual(written);
  }
});

test('nobody finds the flows of another account', async () => {
  const own = await write('shared', other);
  await write('shared');
  expect(ids(await find('entity_id=shared', other))).toEqual([own]);
  expect(ids(await find('', other))).toEqual([own]);
});

test.each(['status=lost', 'limit=0', 'limit=x', 'cursor=x', 'entity_id=', 'client_id=%00', 'color=red'])(
  'refuses %s',
  async (query) => {
    const field = query.split('=')[0];
    expect(await page(query)).toMatchObject({ status: 422, body: { errors: [{ field }] } });
  },
);
