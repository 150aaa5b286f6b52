import { Client } from 'pg';
import { BulkRedeliveries } from '../../src/outbox/bulk-redeliveries.service';
import { OutboxOperations } from '../../src/outbox/outbox-operations.service';
import { makeAccount, startGateway, type Gateway } from '../support/gateway';
import { build, killProcesses, startGatewayProcess } from '../support/gateway-process';
import { makePortalUser, PortalClient } from '../support/portal';
import { TableLock } from '../support/table-lock';
import { until } from '../support/until';

/** More than fits in a few batches. */
const MANY = 12_000;

let api: Gateway;
let database: Client;
let atsId: string;
let accounts = 0;

beforeAll(async () => {
  await build();
  // Without a worker: what is asked for waits until the test starts one.
  api = await startGateway({ env: { ROLE: 'api', TRUST_PROXY: '1' } });
  database = new Client({ connectionString: api.databaseUrl });
  await database.connect();
});

beforeEach(async () => {
  atsId = `account-${++accounts}`;
  // Nowhere to send to, so that what is queued stays to be counted.
  await makeAccount(api, atsId, null);
  await makePortalUser(api, atsId, `admin@${atsId}.example`);
});

afterEach(() => killProcesses());

afterAll(async () => {
  await database.end();
  await api.close();
});

async function sql<T>(text: string, values: unknown[] = []): Promise<T[]> {
  return (await database.query(text, values)).rows as T[];
}

/** Dead messages, the older half of them for ten days. */
function die(count: number, of = atsId): Promise<unknown> {
  return sql(
    `with made as (select uuidv7() as id, n from generate_series(1, $2::int) n),
          r as (insert into result_event (reference_id, ats_id, client_id, event, status, body, created_at, position)
                select id, $1, 'client-1', 'candidate.created', 'success', '{}', now(), n from made)
     insert into dead_message (reference_id, ats_id, entity_key, failures, state, at)
     select id, $1, 'c-' || n % 100, 12, 'dead', now() - case when n % 2 = 0 then interval '10 days' else interval '1 minute' end
       from made`,
    [of, count],
  );
}

async function count(table: string, of = atsId): Promise<number> {
  return (await sql<{ n: number }>(`select count(*)::int as n from ${table} and ats_id = $1`, [of]))[0]!.n;
}
const queued = (of = atsId) => count('(select distinct ats_id, reference_id from outbox_message) o where true', of);
const rows = (of = atsId) => count('outbox_message where true', of);
const dead = (of = atsId) => count(`dead_message where state = 'dead'`, of);

async function signedIn(): Promise<PortalClient> {
  const client = new PortalClient(api.origin, `192.0.2.${accounts}`);
  expect((await client.signIn(`admin@${atsId}.example`)).status).toBe(303);
  return client;
}

/** By way of the confirmation, as a person does it. */
async function begin(client: PortalClient, query = 'age=all'): Promise<string> {
  const page = await client.get(`/portal/deliveries/dead/redeliver?${query}`);
  expect(page.status).toBe(200);
  const since = /name="since" value="([^"]+)"/.exec(page.text)![1]!;
  const { status, location } = await client.post('/portal/deliveries/dead/redeliver', { since }, '/portal');
  expect(status).toBe(303);
  return location!;
}

const worker = () => startGatewayProcess({ ROLE: 'worker', DATABASE_URL: api.databaseUrl });
const finished = (client: PortalClient, at: string) =>
  until('the redelivery to end', async () => {
    const answer = await client.get(at);
    return answer.text.includes('Finished') && answer;
  });

test('of all that died since a time: counted, confirmed, queued with progress to be seen, and audited', async () => {
  await die(40);
  const client = await signedIn();
  expect((await client.get('/portal/deliveries/dead')).text).toContain('in the last 7 days (20)');
  expect((await client.get('/portal/deliveries/dead/redeliver?age=week')).text).toContain('20 results were');
  const at = await begin(client, 'age=week');
  const waiting = await client.get(at);
  expect(waiting.headers.get('refresh')).toBe('2');
  expect(waiting.text).toContain('0 of 20 queued again');
  expect((await client.get('/portal/deliveries')).text).toContain('0 of 20 messages are queued again');
  // A second one leads to the first.
  expect(await begin(client)).toBe(at);
  await worker();
  const done = await finished(client, at);
  expect(done.text).toContain('20 of 20 queued again');
  expect(done.headers.get('refresh')).toBeNull();
  expect([await queued(), await rows(), await dead()]).toEqual([20, 20, 20]);
  const log = (await client.get('/portal/audit-log')).text;
  expect(log.match(/Redelivery in bulk begun/g)).toHaveLength(1);
  expect(log).toContain('messages: 20');
});

test('a worker that is killed in the middle, twice: nothing is left, nothing comes twice', async () => {
  await die(MANY);
  const client = await signedIn();
  const at = await begin(client);
  const progress = async () =>
    (await sql<{ done: number }>('select done from bulk_redelivery where ats_id = $1', [atsId]))[0]!.done;
  const lock = await TableLock.open(api.databaseUrl);
  for (const goal of [1000, 4000]) {
    const running = await worker();
    await until('some progress', async () => (await progress()) >= goal);
    await lock.take('outbox_message', 'exclusive');
    await lock.stopsSomebody('outbox_message');
    await running.kill9();
    await lock.release();
  }
  await lock.close();
  const between = await progress();
  expect(between).toBeLessThan(MANY);
  await until('its last transaction to be rolled back', async () => (await rows()) === (await progress()));
  await worker();
  const { text } = await finished(client, at);
  expect(text).toContain(`${MANY} of ${MANY} queued again`);
  expect([await queued(), await rows(), await dead()]).toEqual([MANY, MANY, 0]);
});

test('what is redelivered by hand meanwhile, or dies again, is not queued twice', async () => {
  await die(1200);
  const client = await signedIn();
  const at = await begin(client);
  const [first, second] = await sql<{ id: string }>(
    'select reference_id as id from dead_message where ats_id = $1 order by at desc limit 2',
    [atsId],
  );
  const redeliveries = api.app.get(BulkRedeliveries);
  await Promise.all([
    redeliveries.advance(),
    redeliveries.advance(),
    api.app.get(OutboxOperations).redeliver(first!.id),
    api.app.get(OutboxOperations).redeliver(second!.id),
  ]);
  // One that was queued died again.
  const [again] = await sql<{ id: string }>(
    `with o as (delete from outbox_message where id = (select min(id) from outbox_message where ats_id = $1) returning *)
     insert into dead_message (reference_id, ats_id, entity_key, failures, state)
     select reference_id, ats_id, entity_key, 12, 'dead' from o returning reference_id as id`,
    [atsId],
  );
  while (await redeliveries.advance());
  const { text } = await finished(client, at);
  expect(text).toMatch(/1198 of 1200 queued again.*2 were redelivered otherwise/);
  expect([await queued(), await rows(), await dead()]).toEqual([1199, 1199, 1]);
  expect(await sql('select reference_id as id from dead_message where ats_id = $1', [atsId])).toEqual([again]);
});

test('two at the same moment are one, and accounts take turns', async () => {
  await die(3000);
  const [large, client] = [atsId, await signedIn()];
  const since = new Date(0);
  const redeliveries = api.app.get(BulkRedeliveries);
  const ids = await Promise.all(Array.from({ length: 5 }, () => redeliveries.start(large, since, 'test')));
  expect(new Set(ids).size).toBe(1);
  expect(await count(`audit_entry where action = 'bulk_redelivery.started'`)).toBe(1);
  await redeliveries.advance();
  const small = `account-${++accounts}`;
  await makeAccount(api, small, null);
  await die(3, small);
  await redeliveries.start(small, since, 'test');
  await redeliveries.advance();
  await redeliveries.advance();
  expect(await rows(small)).toBe(3);
  expect(await rows(large)).toBe(1000);
  while (await redeliveries.advance());
  expect((await client.get(`/portal/deliveries/dead/redeliveries/${ids[0]!}`)).text).toContain('3000 of 3000');
});

test('a time that is none, and nothing to redeliver, are said; nothing begins', async () => {
  const client = await signedIn();
  for (const query of ['', 'age=ever', 'from=yesterday', 'from=2026-02-30T10:00', 'from=2026-02-25T10:30&from=x']) {
    const { status, text } = await client.get(`/portal/deliveries/dead/redeliver?${query}`);
    expect({ query, status }).toEqual({ query, status: 422 });
    expect(text).toContain('choose since when');
  }
  const page = await client.get('/portal/deliveries/dead/redeliver?from=2026-02-25T10:30');
  expect(page.text).toContain('2026-02-25 10:30:00 UTC');
  expect(page.text).toContain('Nothing was given up');
  const post = (since: string) => client.post('/portal/deliveries/dead/redeliver', { since }, '/portal');
  expect((await post('2026-02-25T10:30:00.000Z')).status).toBe(409);
  expect((await post('-infinity')).status).toBe(422);
  expect(await count('bulk_redelivery where true')).toBe(0);
});
