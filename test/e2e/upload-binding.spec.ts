import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { Sweeper } from '../../src/uploads/sweeper.service';
import { call, makeAccount, startGateway, type Gateway, type TestAccount } from '../support/gateway';
import { until } from '../support/until';
import { filesIn, uploaded } from '../support/uploads';

const UNAVAILABLE = 'file_unavailable';

let dataDir: string;
/** They accept only: what was accepted is processed when a test says so, all of it in one batch. */
let gateway: Gateway;
let replica: Gateway;
let database: Client;
let account: TestAccount;
let other: TestAccount;
let clients = 0;
let clientId: string;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'gateway-binding-'));
  const env = { ROLE: 'api', DATA_DIR: dataDir };
  gateway = await startGateway({ env });
  replica = await startGateway({ env, databaseUrl: gateway.databaseUrl });
  database = new Client({ connectionString: gateway.databaseUrl });
  await database.connect();
  account = await makeAccount(gateway, 'acme', null);
  other = await makeAccount(gateway, 'other', null);
});

beforeEach(async () => {
  clientId = `own-${++clients}`;
  const body = { client_id: clientId, name: clientId, admin_name: 'Ann', admin_email: 'ann@example.com' };
  expect((await call(gateway, account, '/v1/workspaces', { body })).status).toBe(202);
});

afterAll(async () => {
  await database.end();
  await replica.close();
  await gateway.close();
  await rm(dataDir, { recursive: true });
});

const cv = (id: string): object => ({ cv: { carv_file_id: id } });
const file = (): Promise<string> => uploaded(gateway, account, undefined, { clientId });
const sweep = (): Promise<number> => gateway.app.get(Sweeper).sweep();
const candidate = (id: string, fields: object = {}): object => ({
  candidate_id: id,
  first_name: 'Jane',
  last_name: 'Smith',
  ...fields,
});

async function write(method: string, path: string, body?: object, to = gateway, headers = {}): Promise<string> {
  const answer = await call(to, account, `/v1/${path}`, { method, clientId, body, headers });
  expect(answer).toMatchObject({ status: 202 });
  return String(answer.body.reference_id);
}

const create = (id: string, fields: object = {}): Promise<string> => write('POST', 'candidates', candidate(id, fields));
const patch = (id: string, fields: object): Promise<string> => write('PATCH', `candidates/${id}`, fields);

async function process(): Promise<void> {
  const worker = await startGateway({ databaseUrl: gateway.databaseUrl, env: { ROLE: 'worker', DATA_DIR: dataDir } });
  // A new application has its result once it is scored.
  const pending = 'select from inbox_message union all select from scoring_task';
  await until('all to be processed', async () => (await database.query(pending)).rowCount === 0);
  await worker.close();
}

/** `success`, or the error's code. */
async function outcome(referenceId: string): Promise<string> {
  const { rows } = await database.query<{ outcome: string }>(
    `select coalesce(body::json->'error'->>'code', body::json->>'status') as outcome from result_event where reference_id = $1`,
    [referenceId],
  );
  return rows[0]?.outcome ?? 'none';
}

async function outcomes(ids: readonly string[]): Promise<string[]> {
  const all: string[] = [];
  for (const id of ids) all.push(await outcome(id));
  return all;
}

async function rowsOf(ids: readonly string[]): Promise<unknown[]> {
  const all: unknown[] = [];
  for (const id of ids) all.push(await row(id));
  return all;
}

async function row(id: string): Promise<object | undefined> {
  const columns = 'state, reserved_by is not null as reserved, entity, entity_id, bound, sweep_at is null as kept';
  return (await database.query<object>(`select ${columns} from upload where carv_file_id = $1`, [id])).rows[0];
}

const free = { state: 'stored', reserved: false, entity: null, entity_id: null, bound: false, kept: false };
const keptWith = (entity: string, entity_id: string): object => ({
  ...free,
  reserved: true,
  bound: true,
  kept: true,
  entity,
  entity_id,
});
const letGo = { ...free, state: 'released' };

describe('a file', () => {
  test('is reserved when the write that names it is accepted, bound when it is processed, and kept from then on', async () => {
    const id = await file();
    expect(await row(id)).toEqual(free);
    const first = await create('c-1', cv(id));
    expect(await row(id)).toEqual({ ...keptWith('candidate', 'c-1'), bound: false });
    // Whatever the time is by then: it was named in time.
    await database.query(`update upload set expires_at = now() - interval '1 day' where carv_file_id = $1`, [id]);
    await process();
    expect(await outcome(first)).toBe('success');
    expect(await row(id)).toEqual(keptWith('candidate', 'c-1'));
    const later = [
      await patch('c-1', { headline: 'x' }),
      await patch('c-1', cv(id)),
      await create('c-1', cv(id.toUpperCase())),
    ];
    await process();
    expect(await outcomes(later)).toEqual(['success', 'success', 'success']);
    expect(await row(id)).toEqual(keptWith('candidate', 'c-1'));
    await sweep();
    expect((await filesIn(dataDir)).stored).toContain(id);
    expect((await call(gateway, account, '/v1/candidates/c-1', { clientId })).body).toMatchObject(cv(id.toUpperCase()));
  });

  test('of an application is its own: the candidate may not name it, nor another application of the same id elsewhere', async () => {
    const id = await file();
    await create('a-1');
    await write('POST', 'vacancies', { vacancy_id: 'v-1', title: 'Engineer' });
    const application = { application_id: 'a-1', candidate_id: 'a-1', vacancy_id: 'v-1', ...cv(id) };
    const [own, candidates] = [await write('POST', 'applications', application), await patch('a-1', cv(id))];
    await process();
    expect(await outcomes([own, candidates])).toEqual(['success', UNAVAILABLE]);
    expect(await row(id)).toEqual(keptWith('application', 'a-1'));
    const deleted = await write('DELETE', 'applications/a-1');
    await process();
    expect(await outcome(deleted)).toBe('success');
    expect(await row(id)).toEqual(letGo);
  });

  test.each<[string, () => Promise<string>]>([
    ['replaced by a patch', async () => patch('c-1', cv(await file()))],
    ['replaced by a whole candidate', async () => create('c-1', cv(await file()))],
    ['removed by a patch', () => patch('c-1', { cv: null })],
    ['left out of a whole candidate', () => create('c-1')],
    ['null in a whole candidate', () => create('c-1', { cv: null })],
    ['deleted with its candidate', () => write('DELETE', 'candidates/c-1')],
  ])('that is %s is let go, and then removed with all traces', async (_, change) => {
    const id = await file();
    await create('c-1', cv(id));
    await process();
    const changed = await change();
    await process();
    expect(await outcome(changed)).toBe('success');
    expect(await row(id)).toEqual(letGo);
    expect((await filesIn(dataDir)).stored).toContain(id);
    // Nobody gets it back, even before it is gone.
    const again = await create('c-2', cv(id));
    await process();
    expect(await outcome(again)).toBe(UNAVAILABLE);
    await sweep();
    expect(await row(id)).toBeUndefined();
    expect((await filesIn(dataDir)).stored).not.toContain(id);
  });

  test('may be named by nobody else: another client, another account, nobody knows it, or it has expired', async () => {
    const [clients2, accounts2, expired, pending] = [
      await uploaded(gateway, account),
      await uploaded(gateway, other),
      await file(),
      await file(),
    ];
    await database.query('update upload set expires_at = now() where carv_file_id = $1', [expired]);
    await database.query(`update upload set state = 'pending' where carv_file_id = $1`, [pending]);
    const ids = [clients2, accounts2, expired, pending, randomUUID(), 'no-uuid', `${clients2} `.trim() + 'x'];
    const before = await rowsOf(ids.slice(0, 4));
    const writes = await Promise.all(ids.map((id, n) => create(`c-${n}`, cv(id))));
    await process();
    expect(new Set(await outcomes(writes))).toEqual(new Set([UNAVAILABLE]));
    expect(await rowsOf(ids.slice(0, 4))).toEqual(before);
    expect((await call(gateway, account, '/v1/candidates/c-0', { clientId })).status).toBe(404);
  });

  test('is free again when the write that reserved it comes to nothing', async () => {
    const [first, second] = [await file(), await file()];
    // In one batch, and in two.
    const writes = [
      await patch('nobody', cv(first)),
      await create('c-1', cv(first)),
      await patch('nobody', cv(second)),
    ];
    const orphan = { application_id: 'a-1', candidate_id: 'nobody', vacancy_id: 'nobody' };
    await process();
    expect(await outcomes(writes)).toEqual(['not_found', 'success', 'not_found']);
    expect(await row(second)).toEqual(free);
    const more = [await write('POST', 'applications', { ...orphan, ...cv(second) })];
    await process();
    more.push(await create('c-2', cv(second)));
    await process();
    expect(await outcomes(more)).toEqual(['unknown_candidate', 'success']);
    expect(await row(second)).toEqual(keptWith('candidate', 'c-2'));
  });

  test('is named by one flow, however often that write is repeated', async () => {
    const id = await file();
    const headers = { 'Idempotency-Key': randomUUID() };
    const repeat = (to = gateway): Promise<string> =>
      write('POST', 'candidates', candidate('c-1', cv(id)), to, headers);
    const first = new Set(await Promise.all(Array.from({ length: 20 }, (_, n) => repeat(n % 2 ? gateway : replica))));
    expect(first.size).toBe(1);
    await process();
    expect(await repeat()).toBe([...first][0]);
    expect(await outcome([...first][0]!)).toBe('success');
    expect(await row(id)).toEqual(keptWith('candidate', 'c-1'));
  });
});

test('of many writes that race for a file through two gateways exactly one has it', async () => {
  for (let round = 0; round < 5; round++) {
    const id = await file();
    const writes = await Promise.all(
      Array.from({ length: 30 }, (_, n) =>
        write('POST', 'candidates', candidate(`r${round}-${n}`, cv(id)), n % 2 ? gateway : replica),
      ),
    );
    const { rows } = await database.query<{ reserved_by: string }>(
      'select reserved_by from upload where carv_file_id = $1',
      [id],
    );
    await process();
    const all = await outcomes(writes);
    expect(all.filter((o) => o === 'success')).toHaveLength(1);
    expect(writes[all.indexOf('success')]).toBe(rows[0]!.reserved_by);
    expect(all.filter((o) => o === UNAVAILABLE)).toHaveLength(29);
  }
});

/** What the contract says, one write after the other. */
class Model {
  private readonly entities = new Map<string, string | undefined>();
  readonly owners = new Map<string, string>();

  write(kind: 'create' | 'patch' | 'remove' | 'delete', entity: string, id: string): string {
    if (kind !== 'create' && !this.entities.has(entity)) return 'not_found';
    const had = this.entities.get(entity);
    const wanted = kind === 'create' || kind === 'patch' ? id : undefined;
    if (wanted !== undefined && (this.owners.get(wanted) ?? entity) !== entity) return UNAVAILABLE;
    if (had !== undefined && had !== wanted) this.owners.set(had, 'gone');
    if (wanted !== undefined) this.owners.set(wanted, entity);
    if (kind === 'delete') this.entities.delete(entity);
    else this.entities.set(entity, wanted);
    return 'success';
  }
}

test('writes of one batch behave as if they were applied one by one', async () => {
  let seed = 5;
  const next = (n: number): number => (seed = (seed * 48_271) % 2_147_483_647) % n;
  for (let round = 0; round < 4; round++) {
    const model = new Model();
    const files = await Promise.all([file(), file(), file(), file()]);
    const [writes, expected]: [string[], string[]] = [[], []];
    for (let n = 0; n < 60; n++) {
      const kind = (['create', 'create', 'patch', 'patch', 'remove', 'delete'] as const)[next(6)]!;
      const [entity, id] = [`m${round}-${next(4)}`, files[next(4)]!];
      expected.push(model.write(kind, entity, id));
      if (kind === 'create') writes.push(await create(entity, cv(id)));
      else if (kind === 'delete') writes.push(await write('DELETE', `candidates/${entity}`));
      else writes.push(await patch(entity, kind === 'patch' ? cv(id) : { cv: null }));
      if (next(15) === 0) await process();
    }
    await process();
    expect(await outcomes(writes)).toEqual(expected);
    for (const id of files) {
      const owner = model.owners.get(id);
      expect(await row(id)).toEqual(
        owner === undefined ? free : owner === 'gone' ? letGo : keptWith('candidate', owner),
      );
    }
  }
});
