import { Client } from 'pg';
import { signatureHeader } from '../../src/signing/signature';
import { call, makeAccount, startGateway, type Call, type Gateway, type TestAccount } from '../support/gateway';
import { startReceiver, type Receiver, type ResultBody } from '../support/receiver';
import { routesOf } from '../support/routes';
import { until } from '../support/until';
import { upload, uploaded } from '../support/uploads';

/** Stands in whatever is the victim's. */
const SECRET = 'only-the-victim-may-see-this';
const VICTIMS_CLIENT = 'victims-client';

let gateway: Gateway;
let database: Client;
let receiver: Receiver;
let victim: TestAccount;
let attacker: TestAccount;
let victimsFlow: string;
let victimsFile: string;

beforeAll(async () => {
  gateway = await startGateway();
  database = new Client({ connectionString: gateway.databaseUrl });
  await database.connect();
  receiver = await startReceiver(() => attacker.outgoingSecret);
  // The attacker knows every id, and has a workspace of the same name.
  victim = await makeAccount(gateway, 'victim', null, ['client-1', VICTIMS_CLIENT]);
  attacker = await makeAccount(gateway, 'attacker', receiver.url);
  const writes: [path: string, body: object][] = [
    ['/v1/candidates', { candidate_id: 'c-1', first_name: SECRET, last_name: SECRET }],
    ['/v1/vacancies', { vacancy_id: 'v-1', title: SECRET }],
    ['/v1/applications', { application_id: 'a-1', candidate_id: 'c-1', vacancy_id: 'v-1', stage: SECRET }],
    ['/v1/workspaces/client-1/members', { user_id: 'u-1', name: SECRET, email: 'victim@example.com' }],
  ];
  for (const [path, body] of writes) {
    victimsFlow = String((await call(gateway, victim, path, { body })).body.reference_id);
  }
  victimsFile = await uploaded(gateway, victim);
  const pending = 'select from inbox_message union all select from scoring_task';
  await until('the writes to be processed', async () => (await database.query(pending)).rowCount === 0);
});

afterAll(async () => {
  await database.end();
  await gateway.close();
  await receiver.close();
});

/** Everything the database holds of the victim, whatever tables there are. */
async function victimsRows(): Promise<Record<string, string>> {
  const tables = await database.query<{ name: string }>(`
    select c.relname as name from pg_class c join pg_attribute a on a.attrelid = c.oid
     where c.relkind in ('r', 'p') and not c.relispartition and a.attname = 'ats_id'
       and c.relnamespace = 'public'::regnamespace`);
  const hashes: Record<string, string> = {};
  for (const { name } of tables.rows) {
    const { rows } = await database.query<{ hash: string }>(
      `select coalesce(md5(string_agg(t::text, ';' order by t::text)), '') as hash from "${name}" t where ats_id = 'victim'`,
    );
    hashes[name] = rows[0]!.hash;
  }
  return hashes;
}

async function resultOf(referenceId: unknown): Promise<ResultBody> {
  const find = () => receiver.deliveries.find((d) => d.body.reference_id === referenceId);
  await until(`the result of ${String(referenceId)}`, () => find() !== undefined);
  return find()!.body;
}

const ask = async (path: string, options: Call = {}) => {
  const answer = await call(gateway, attacker, path, options);
  expect(JSON.stringify(answer.body)).not.toContain(SECRET);
  return answer;
};

/** A read finds nothing. */
const notFound =
  (path: () => string, options: Call = {}) =>
  async () => {
    expect(await ask(path(), options)).toMatchObject({ status: 404 });
  };

/** A list holds nothing of the victim's. */
const emptyList = (path: string) => async () => {
  expect(await ask(path)).toMatchObject({ status: 200, body: { data: [] } });
  expect((await ask(path, { clientId: VICTIMS_CLIENT })).status).not.toBe(200);
};

/** A write does what it does to an id that nobody has. */
const unknownId = (method: string, path: string, body?: object) => async () => {
  const { status, body: answer } = await ask(path, { method, body });
  expect(status).toBe(202);
  expect(await resultOf(answer.reference_id)).toMatchObject({ status: 'error', error: { code: 'not_found' } });
  expect(await ask(path, { method, body, clientId: VICTIMS_CLIENT })).toMatchObject({ status: 409 });
};

/** A creation makes the attacker's own. */
const ownCreation = (path: string, body: object, result: object) => async () => {
  const answer = await ask(path, { body });
  expect(answer.status).toBe(202);
  expect(await resultOf(answer.body.reference_id)).toMatchObject(result);
};

const open = (): Promise<void> => Promise.resolve();

/** What each route does for somebody who names what is another's; `open` where no account is concerned at all. */
const CASES: Record<string, () => Promise<void>> = {
  'GET /health/live': open,
  'GET /health/ready': open,
  'GET /metrics': open,
  'GET /docs': open,
  'GET /docs/assets/:version/:name': open,
  'GET /openapi.json': open,
  'GET /v1/event-types': open,
  'GET /v1/event-types/:event': open,
  'GET /dev/receiver': open,
  'POST /dev/receiver': open,
  // Open only to Carv's own services, and absent without their key.
  'POST /internal/v1/events': notFound(() => '/internal/v1/events', { method: 'POST', body: { ats_id: 'victim' } }),
  'POST /v1/candidates': ownCreation(
    '/v1/candidates',
    { candidate_id: 'c-1', first_name: 'A', last_name: 'B' },
    { event: 'candidate.created', status: 'success' },
  ),
  'PATCH /v1/candidates/:candidate_id': unknownId('PATCH', '/v1/candidates/c-1', { headline: 'taken' }),
  'DELETE /v1/candidates/:candidate_id': unknownId('DELETE', '/v1/candidates/c-1'),
  'GET /v1/candidates': emptyList('/v1/candidates'),
  'GET /v1/candidates/:candidate_id': notFound(() => '/v1/candidates/c-1'),
  'POST /v1/vacancies': ownCreation(
    '/v1/vacancies',
    { vacancy_id: 'v-1', title: 'own' },
    { event: 'vacancy.created', status: 'success' },
  ),
  'PATCH /v1/vacancies/:vacancy_id': unknownId('PATCH', '/v1/vacancies/v-1', { title: 'taken' }),
  'DELETE /v1/vacancies/:vacancy_id': unknownId('DELETE', '/v1/vacancies/v-1'),
  'GET /v1/vacancies': emptyList('/v1/vacancies'),
  'GET /v1/vacancies/:vacancy_id': notFound(() => '/v1/vacancies/v-1'),
  'POST /v1/applications': ownCreation(
    '/v1/applications',
    { application_id: 'a-1', candidate_id: 'victims', vacancy_id: 'victims' },
    { event: 'application.created', status: 'error', error: { code: 'unknown_candidate' } },
  ),
  'PATCH /v1/applications/:application_id': unknownId('PATCH', '/v1/applications/a-1', { stage: 'taken' }),
  'DELETE /v1/applications/:application_id': unknownId('DELETE', '/v1/applications/a-1'),
  'GET /v1/applications': emptyList('/v1/applications'),
  'GET /v1/applications/:application_id': notFound(() => '/v1/applications/a-1'),
  'POST /v1/workspaces': ownCreation(
    '/v1/workspaces',
    { client_id: 'client-1', name: 'own', admin_name: 'own', admin_email: 'own@example.com' },
    { event: 'workspace.provisioned', data: { name: 'own' } },
  ),
  'GET /v1/workspaces': async () => {
    const { body } = await ask('/v1/workspaces');
    expect((body.data as { client_id: string }[]).map((w) => w.client_id)).toEqual(['client-1']);
  },
  'GET /v1/workspaces/:client_id': notFound(() => `/v1/workspaces/${VICTIMS_CLIENT}`),
  'POST /v1/workspaces/:client_id/members': async () => {
    const body = { user_id: 'u-1', name: 'own', email: 'own@example.com' };
    expect(await ask(`/v1/workspaces/${VICTIMS_CLIENT}/members`, { body })).toMatchObject({ status: 409 });
    const answer = await ask('/v1/workspaces/client-1/members', { body });
    expect(await resultOf(answer.body.reference_id)).toMatchObject({ data: body });
  },
  'POST /uploads': async () => {
    expect(await upload(gateway, attacker, [{}], { clientId: VICTIMS_CLIENT })).toMatchObject({ status: 409 });
    expect(await uploaded(gateway, attacker)).not.toBe(victimsFile);
    const body = { candidate_id: 'thief', first_name: 'A', last_name: 'B', cv: { carv_file_id: victimsFile } };
    const answer = await ask('/v1/candidates', { body });
    expect(await resultOf(answer.body.reference_id)).toMatchObject({ error: { code: 'file_unavailable' } });
  },
  'POST /v1/webhooks/:ats_id': async () => {
    const event = {
      event: 'candidate.deleted',
      event_id: 'e-1',
      client_id: 'client-1',
      user_id: 'u',
      candidate_id: 'c-1',
    };
    const raw = Buffer.from(JSON.stringify(event));
    const signature = signatureHeader([attacker.incomingSecret], Math.floor(Date.now() / 1000), raw);
    const headers = { 'Content-Type': 'application/json', 'X-Webhook-Signature': signature };
    const response = await fetch(`${gateway.origin}/v1/webhooks/victim`, { method: 'POST', headers, body: raw });
    expect(response.status).toBe(401);
  },
  'GET /v1/events': async () => {
    const victims = await call(gateway, victim, '/v1/events');
    expect(victims.body.data).not.toEqual([]);
    const { body } = await ask('/v1/events');
    expect((body.data as ResultBody[]).map((e) => e.reference_id)).not.toContain(victimsFlow);
    expect(await ask(`/v1/events?after=${String(victims.body.next_cursor)}`)).toMatchObject({ status: 422 });
  },
  'GET /v1/flows': async () => {
    const { body } = await ask('/v1/flows?limit=200');
    expect((body.data as { reference_id: string }[]).map((f) => f.reference_id)).not.toContain(victimsFlow);
    expect(await ask('/v1/flows?entity_id=u-1&client_id=client-1')).toMatchObject({ body: { data: [] } });
  },
  'POST /internal/v1/scores/:reference_id': async () => {
    const body = { token: 'x', score: 100, reasons: ['mine'] };
    const raw = Buffer.from(JSON.stringify(body));
    const signature = signatureHeader([attacker.incomingSecret], Math.floor(Date.now() / 1000), raw);
    const headers = { 'X-Webhook-Signature': signature };
    expect(await ask(`/internal/v1/scores/${victimsFlow}`, { body, headers })).toMatchObject({ status: 401 });
  },
  'GET /v1/flows/:reference_id': notFound(() => `/v1/flows/${victimsFlow}`),
  'POST /v1/flows/:reference_id/redeliver': notFound(() => `/v1/flows/${victimsFlow}/redeliver`, { method: 'POST' }),
};

test('every route has its case here, and no case is left of a route that is gone', () => {
  // Those of the portal have theirs in portal-security.spec.ts.
  const own = routesOf(gateway).filter(({ path }) => !path.startsWith('/portal'));
  const routes = own.map(({ method, path }) => `${method} ${path}`);
  expect(Object.keys(CASES).sort()).toEqual([...new Set(routes)].sort());
});

// Reads and changes before creations: these give the attacker an entity of the same id.
const ordered = Object.entries(CASES).sort(([a], [b]) => Number(a.startsWith('POST')) - Number(b.startsWith('POST')));

test.each(ordered)('%s shows nothing of another account, and changes nothing of it', async (route, attempt) => {
  const before = await victimsRows();
  await attempt();
  const after = await victimsRows();
  // What was refused for a bad signature is told to the account, by its metadata.
  if (route === 'POST /v1/webhooks/:ats_id') after.delivery_attempt = before.delivery_attempt!;
  expect(after).toEqual(before);
});
