import { Client } from 'pg';
import { Database, statement } from '../../src/database/database';
import { WorkspacesRepository } from '../../src/workspaces/workspaces.repository';
import { call, makeAccount, startGateway, type Gateway, type TestAccount } from '../support/gateway';
import { until } from '../support/until';

let gateways: [Gateway, Gateway];
let database: Client;
let account: TestAccount;
let accounts = 0;

beforeAll(async () => {
  const first = await startGateway();
  gateways = [first, await startGateway({ databaseUrl: first.databaseUrl })];
  database = new Client({ connectionString: first.databaseUrl });
  await database.connect();
});

beforeEach(async () => {
  account = await makeAccount(gateways[0], `account-${accounts++}`, null);
});

afterAll(async () => {
  await database.end();
  await gateways[1].close();
  await gateways[0].close();
});

interface Listed {
  readonly data: (Record<string, string> & { updated_at: string })[];
  readonly next_cursor: string | null;
}

async function list(path: string, query: Record<string, string> = {}): Promise<Listed> {
  const { status, body } = await call(gateways[0], account, `${path}?${new URLSearchParams(query).toString()}`);
  expect(status).toBe(200);
  return body as unknown as Listed;
}

/** And scored, which changes an application once more. */
async function processed(): Promise<void> {
  const pending = 'select from inbox_message union all select from scoring_task';
  await until('all to be processed', async () => (await database.query(pending)).rowCount === 0);
}

async function post(path: string, body: object, gateway = gateways[0]): Promise<void> {
  expect((await call(gateway, account, path, { body })).status).toBe(202);
}

const workspace = (client_id: string) => ({
  client_id,
  name: client_id,
  admin_name: 'A',
  admin_email: 'a@example.com',
});
const BODIES: Record<string, (id: string) => object> = {
  candidate: (id) => ({ candidate_id: id, first_name: 'A', last_name: 'B' }),
  vacancy: (id) => ({ vacancy_id: id, title: 'T' }),
  application: (id) => ({ application_id: id, candidate_id: 'c', vacancy_id: 'v' }),
};
const PATHS: Record<string, string> = {
  candidate: '/v1/candidates',
  vacancy: '/v1/vacancies',
  application: '/v1/applications',
};

/** As if the database's clock had stepped back by an hour after the newest change. */
async function stepBack(table: string): Promise<void> {
  await database.query(`update ${table} set updated_at = updated_at + interval '1 h' where ats_id = $1`, [
    account.atsId,
  ]);
}

test.each(Object.keys(PATHS))(
  'a %s changed after the clock stepped back comes behind the changes before',
  async (kind) => {
    if (kind === 'application') {
      await post(PATHS.candidate!, BODIES.candidate!('c'));
      await post(PATHS.vacancy!, BODIES.vacancy!('v'));
    }
    await post(PATHS[kind]!, BODIES[kind]!('first'));
    await processed();
    await stepBack(kind);
    const [first] = (await list(PATHS[kind]!)).data;
    for (const id of ['second', 'third', 'first']) {
      await post(PATHS[kind]!, BODIES[kind]!(id));
      await processed();
    }
    const { data } = await list(PATHS[kind]!, { updated_after: first!.updated_at });
    expect(data.map((e) => e[`${kind}_id`])).toEqual(['second', 'third', 'first']);
    expect(new Set(data.map((e) => e.updated_at)).size).toBe(3);
    const other = await call(gateways[0], account, '/v1/workspaces', { body: workspace('elsewhere') });
    expect(other.status).toBe(202);
  },
);

describe('workspaces', () => {
  const PATH = '/v1/workspaces';

  test('one is read as it was provisioned, with its times and an ETag, and 304 for who has it', async () => {
    await post(PATH, { ...workspace('new'), name: '  New   One ' });
    await processed();
    const { status, headers, body } = await call(gateways[1], account, `${PATH}/new`);
    expect([status, body]).toEqual([
      200,
      {
        client_id: 'new',
        name: 'New One',
        admin_name: 'A',
        admin_email: 'a@example.com',
        created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/),
        updated_at: body.created_at,
      },
    ]);
    const etag = headers.get('etag')!;
    expect(etag).toBe(`"${String(body.updated_at)}"`);
    const known = await call(gateways[1], account, `${PATH}/new`, { headers: { 'If-None-Match': etag } });
    expect([known.status, known.body]).toEqual([304, {}]);
    await post(PATH, workspace('new'));
    await processed();
    const changed = await call(gateways[1], account, `${PATH}/new`, { headers: { 'If-None-Match': etag } });
    expect([changed.status, changed.body.name, changed.body.created_at]).toEqual([200, 'new', body.created_at]);
    expect(String(changed.body.updated_at) > String(body.updated_at)).toBe(true);
  });

  test('only the key is needed; what the command line left out is absent', async () => {
    const response = await fetch(`${gateways[0].origin}${PATH}/client-1`, { headers: { 'X-API-Key': account.apiKey } });
    expect(Object.keys((await response.json()) as object).sort()).toEqual([
      'client_id',
      'created_at',
      'name',
      'updated_at',
    ]);
  });

  test('another account’s, an unknown and an unprocessed one are 404 and not listed', async () => {
    const other = await makeAccount(gateways[0], `account-${accounts++}`, null, ['theirs']);
    await database.query(`insert into workspace (ats_id, client_id) values ($1, 'unprocessed')`, [account.atsId]);
    for (const id of ['theirs', 'nobody', 'unprocessed']) {
      expect([id, (await call(gateways[0], account, `${PATH}/${id}`)).status]).toEqual([id, 404]);
    }
    expect((await list(PATH)).data.map((w) => w.client_id)).toEqual(['client-1']);
    expect((await call(gateways[0], other, `${PATH}/theirs`)).status).toBe(200);
  });

  test('a key that ended just now reads nothing', async () => {
    expect((await call(gateways[0], account, PATH)).status).toBe(200);
    await database.query('update account set enabled = false where ats_id = $1', [account.atsId]);
    for (const path of [PATH, `${PATH}/client-1`]) expect((await call(gateways[0], account, path)).status).toBe(401);
  });

  test.each(['limit=0', 'cursor=x', 'updated_after=x', 'after=x'])('a list with ?%s is 422', async (query) => {
    expect((await call(gateways[0], account, `${PATH}?${query}`)).status).toBe(422);
  });

  test('pages hold each once, in the order of the last change, also after the clock stepped back', async () => {
    const ids = Array.from({ length: 23 }, (_, n) => `w-${n}`);
    for (const id of ids) await post(PATH, workspace(id));
    await processed();
    await database.query(`update workspace_clock set at = at + interval '1 h' where ats_id = $1`, [account.atsId]);
    await post(PATH, workspace('w-3'));
    await processed();
    const found: Listed['data'] = [];
    let cursor: string | null = null;
    do {
      const page: Listed = await list(PATH, { limit: '5', ...(cursor !== null && { cursor }) });
      found.push(...page.data);
      cursor = page.next_cursor;
    } while (cursor !== null);
    expect(found.map((w) => w.client_id).sort()).toEqual([...ids, 'client-1'].sort());
    expect(found.at(-1)!.client_id).toBe('w-3');
    const times = found.map((w) => w.updated_at);
    expect(times).toEqual([...new Set(times)].sort());
  });

  test('a reader beside racing provisionings of one account, committed out of order, passes over none', async () => {
    const repository = gateways[0].app.get(WorkspacesRepository);
    const store = gateways[0].app.get(Database);
    const latest = new Map<string, string>();
    let after = '2000-01-01T00:00:00Z';
    const writing = { done: false };
    const reading = (async () => {
      for (let last = false; ;) {
        const { data } = await list(PATH, { updated_after: after, limit: '7' });
        for (const { client_id, name, updated_at } of data) {
          expect(updated_at > after).toBe(true);
          latest.set(client_id!, name!);
          after = updated_at;
        }
        if (last && data.length === 0) return;
        last = writing.done;
      }
    })();
    const writer = async (n: number): Promise<void> => {
      for (let round = 0; round < 15; round++) {
        const key = { atsId: account.atsId, clientId: `w-${n}`, adminName: null, adminEmail: null };
        await store.transaction(async (tx) => {
          await tx.query(statement('', 'select pg_sleep(random() / 100)'));
          await repository.save(
            [
              { ...key, name: String(round) },
              { ...key, clientId: `x-${n}`, name: String(round) },
            ],
            tx,
          );
          await tx.query(statement('', 'select pg_sleep(random() / 200)'));
        });
      }
    };
    await Promise.all(Array.from({ length: 5 }, (_, n) => writer(n)));
    writing.done = true;
    await reading;
    expect([...latest].filter(([, name]) => name === '14')).toHaveLength(10);
  });
});
