import { Client } from 'pg';
import { call, makeAccount, startGateway, type Gateway, type TestAccount } from '../support/gateway';
import { until } from '../support/until';

let gateway: Gateway;
let replica: Gateway;
let database: Client;
let account: TestAccount;
let other: TestAccount;
let clients = 0;

beforeAll(async () => {
  gateway = await startGateway();
  replica = await startGateway({ databaseUrl: gateway.databaseUrl });
  database = new Client({ connectionString: gateway.databaseUrl });
  await database.connect();
  account = await makeAccount(gateway, 'acme', null, ['client-1', 'client-2']);
  other = await makeAccount(gateway, 'other', null);
});

afterAll(async () => {
  await database.end();
  await replica.close();
  await gateway.close();
});

interface Shown {
  readonly candidate_id: string;
  readonly headline?: string;
  readonly created_at: string;
  readonly updated_at: string;
}

interface Listed {
  readonly data: Shown[];
  readonly next_cursor: string | null;
}

/** A workspace that no other test writes to. */
async function newClient(): Promise<string> {
  const client_id = `own-${++clients}`;
  const body = { client_id, name: client_id, admin_name: 'Ann', admin_email: 'ann@example.com' };
  expect((await call(gateway, account, '/v1/workspaces', { body })).status).toBe(202);
  return client_id;
}

async function write(clientId: string, method: string, path: string, body?: object, to = gateway): Promise<void> {
  expect((await call(to, account, path, { method, clientId, body })).status).toBe(202);
}

const create = (clientId: string, id: string, fields: object = {}, to = gateway): Promise<void> =>
  write(clientId, 'POST', '/v1/candidates', { candidate_id: id, first_name: 'A', last_name: 'B', ...fields }, to);

async function processed(): Promise<void> {
  await until('the inbox to be empty', async () => (await database.query('select from inbox_message')).rowCount === 0);
}

const find = (clientId: string, id: string, headers = {}) =>
  call(gateway, account, `/v1/candidates/${encodeURIComponent(id)}`, { clientId, headers });

async function list(clientId: string, query: Record<string, string> = {}): Promise<Listed> {
  const path = `/v1/candidates?${new URLSearchParams(query).toString()}`;
  const { status, body } = await call(gateway, account, path, { clientId });
  expect(status).toBe(200);
  expect(Object.keys(body).sort()).toEqual(['data', 'next_cursor']);
  return body as unknown as Listed;
}

const ids = ({ data }: Listed): string[] => data.map((c) => c.candidate_id);

describe('one candidate', () => {
  const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z$/;

  test('is read as it was delivered, with the times of its first and last change and an ETag', async () => {
    const custom_fields = { constructor: 'kept', nested: JSON.parse('{"__proto__":[1.5,null,"é"]}') as object };
    const begun = Date.now();
    await create('client-1', 'c-1', { first_name: ' Jané ', skills: ['Go', 'go'], custom_fields });
    await processed();
    const { status, headers, body } = await find('client-1', 'c-1');
    expect(status).toBe(200);
    expect(headers.get('content-type')).toMatch(/^application\/json/);
    expect(body).toEqual({
      candidate_id: 'c-1',
      first_name: 'Jané',
      last_name: 'B',
      skills: ['Go'],
      custom_fields,
      created_at: expect.stringMatching(TIME),
      updated_at: body.created_at,
    });
    const { rows } = await database.query<{ body: string }>(
      `select body from result_event where client_id = 'client-1' and body like '%"c-1"%'`,
    );
    const { created_at, updated_at, ...data } = body;
    expect((JSON.parse(rows[0]!.body) as { data: object }).data).toEqual(data);
    expect(Math.abs(Date.parse(String(created_at)) - begun)).toBeLessThan(30_000);
    expect(headers.get('etag')).toBe(`"${String(updated_at)}"`);
  });

  test('keeps created_at and moves updated_at and ETag with every change; after a deletion it begins anew', async () => {
    const versions: Record<string, unknown>[] = [];
    const tags: (string | null)[] = [];
    const look = async (): Promise<void> => {
      await processed();
      const { headers, body } = await find('client-1', 'c-2');
      versions.push(body);
      tags.push(headers.get('etag'));
    };
    await create('client-1', 'c-2');
    await look();
    await write('client-1', 'PATCH', '/v1/candidates/c-2', { headline: 'x' });
    await look();
    await create('client-1', 'c-2', { headline: 'y' });
    await look();
    await write('client-1', 'DELETE', '/v1/candidates/c-2');
    await look();
    await create('client-1', 'c-2');
    await look();
    const [first, second, third, gone, anew] = versions;
    expect([second!.created_at, third!.created_at]).toEqual([first!.created_at, first!.created_at]);
    expect(gone).toMatchObject({ status: 404 });
    expect(String(anew!.created_at) > String(third!.updated_at)).toBe(true);
    const updates = [first, second, third, anew].map((version) => String(version!.updated_at));
    expect(updates).toEqual([...new Set(updates)].sort());
    expect(new Set(tags).size).toBe(5);
  });

  test('is not sent again to who has it', async () => {
    await create('client-1', 'c-3');
    await processed();
    const etag = String((await find('client-1', 'c-3')).headers.get('etag'));
    for (const known of [etag, `W/${etag}`, `"x", ${etag}`, '*']) {
      const { status, headers, body } = await find('client-1', 'c-3', { 'If-None-Match': known });
      expect([known, status, headers.get('etag'), body]).toEqual([known, 304, etag, {}]);
    }
    for (const unknown of ['"x"', etag.slice(1, -1), '', `${etag}x`]) {
      expect([unknown, (await find('client-1', 'c-3', { 'If-None-Match': unknown })).status]).toEqual([unknown, 200]);
    }
    await write('client-1', 'PATCH', '/v1/candidates/c-3', { headline: 'x' });
    await processed();
    const changed = await find('client-1', 'c-3', { 'If-None-Match': etag });
    expect([changed.status, changed.body.headline]).toEqual([200, 'x']);
  });

  test('is there for HEAD too', async () => {
    await create('client-1', 'c-4');
    await processed();
    const { headers } = await find('client-1', 'c-4');
    const head = await call(gateway, account, '/v1/candidates/c-4', { method: 'HEAD' });
    expect([head.status, head.headers.get('etag'), head.body]).toEqual([200, headers.get('etag'), {}]);
  });

  test('is found by its exact id only', async () => {
    await create('client-1', 'Exact/é');
    await processed();
    expect((await find('client-1', 'Exact/é')).status).toBe(200);
    for (const id of ['exact/é', 'Exact/e\u0301', 'Exact', 'Exact/é2']) {
      expect([id, (await find('client-1', id)).status]).toEqual([id, 404]);
    }
  });
});

describe('what is not the caller’s', () => {
  beforeAll(async () => {
    await create('client-1', 'mine');
    await processed();
  });

  test.each<[string, () => Promise<{ status: number; body: Record<string, unknown> }>]>([
    ['an unknown candidate', () => find('client-1', 'nobody')],
    ['a candidate of another client', () => find('client-2', 'mine')],
    ['a candidate of another account', () => call(gateway, other, '/v1/candidates/mine')],
  ])('%s answers 404, all with one body', async (_, read) => {
    const { status, body } = await read();
    expect([status, body]).toEqual([
      404,
      {
        type: 'about:blank',
        title: 'Not Found',
        status: 404,
        detail: 'There is no such candidate in this workspace',
        request_id: expect.any(String),
      },
    ]);
  });

  test('lists show neither another client’s candidates nor another account’s', async () => {
    expect(ids(await list('client-1'))).toContain('mine');
    expect(ids(await list('client-2'))).toEqual([]);
    expect((await call(gateway, other, '/v1/candidates')).body).toEqual({ data: [], next_cursor: null });
  });

  test('a cursor carries no rights', async () => {
    const { next_cursor } = await list('client-1', { limit: '1' });
    const path = `/v1/candidates?cursor=${next_cursor!}`;
    expect((await call(gateway, other, path)).body).toEqual({ data: [], next_cursor: null });
    expect((await call(gateway, account, path, { clientId: 'client-2' })).body.data).toEqual([]);
  });

  test.each(['/v1/candidates/mine', '/v1/candidates'])(
    '%s of a client without a workspace answers 409',
    async (path) => {
      const { status, body } = await call(gateway, account, path, { clientId: 'nobody' });
      expect([status, body.status, body.errors]).toEqual([409, 409, undefined]);
    },
  );

  test('a workspace that was accepted and not processed yet can be read', async () => {
    const clientId = await newClient();
    expect(await list(clientId)).toEqual({ data: [], next_cursor: null });
  });
});

describe('the list', () => {
  let clientId: string;
  const all = Array.from({ length: 120 }, (_, n) => `c-${String(n).padStart(3, '0')}`);

  beforeAll(async () => {
    clientId = await newClient();
    await Promise.all(all.map((id) => create(clientId, id)));
    await processed();
  });

  async function pages(query: Record<string, string>): Promise<Listed[]> {
    const found = [await list(clientId, query)];
    for (let last = found[0]!; last.next_cursor !== null; found.push(last)) {
      last = await list(clientId, { ...query, cursor: last.next_cursor });
    }
    return found;
  }

  test('comes in the order of the last change, 50 at a time, 200 at most', async () => {
    const first = await list(clientId);
    expect([first.data.length, first.next_cursor]).toEqual([50, expect.any(String)]);
    const { data, next_cursor } = await list(clientId, { limit: '200' });
    expect([data.length, next_cursor]).toEqual([120, null]);
    expect(data.slice(0, 50)).toEqual(first.data);
    const times = data.map(({ updated_at }) => updated_at);
    expect(times).toEqual([...times].sort());
    expect(data[0]).toEqual((await find(clientId, data[0]!.candidate_id)).body);
  });

  test.each(['1', '7', '40', '119', '120', '121'])('in pages of %s holds every candidate once', async (limit) => {
    const found = await pages({ limit });
    expect(found.flatMap(ids).sort()).toEqual(all);
    expect(found.slice(0, -1).every(({ data }) => data.length === Number(limit))).toBe(true);
  });

  test('after a time holds what was changed later, and not what was changed then', async () => {
    const { data } = await list(clientId, { limit: '200' });
    const middle = data[60]!.updated_at;
    const later = data.filter(({ updated_at }) => updated_at > middle).map((c) => c.candidate_id);
    expect((await pages({ updated_after: middle, limit: '13' })).flatMap(ids)).toEqual(later);
    expect((await list(clientId, { updated_after: data.at(-1)!.updated_at })).data).toEqual([]);
    expect((await pages({ updated_after: '2020-01-01T00:00:00Z' })).flatMap(ids)).toHaveLength(120);
    expect((await pages({ updated_after: '2999-01-01T00:00:00.5+02:00' })).flatMap(ids)).toEqual([]);
  });

  test('tells any two changes apart by their time, so that updated_after alone passes over none', async () => {
    const { data } = await list(clientId, { limit: '200' });
    expect(new Set(data.map(({ updated_at }) => updated_at)).size).toBe(data.length);
  });

  test('goes on by the id among candidates of one time', async () => {
    const own = await newClient();
    const same = ['a', 'b', 'c', 'd', 'é'];
    await Promise.all(same.map((id) => create(own, id)));
    await processed();
    await database.query("update candidate set updated_at = '2026-02-25T10:30:00.123456Z' where client_id = $1", [own]);
    const first = await list(own, { limit: '2' });
    const second = await list(own, { limit: '2', cursor: first.next_cursor! });
    const third = await list(own, { limit: '2', cursor: second.next_cursor! });
    expect([first, second, third].flatMap(ids)).toEqual(same);
    expect(ids(await list(own, { updated_after: '2026-02-25T10:30:00.123455Z' }))).toEqual(same);
    expect(ids(await list(own, { updated_after: '2026-02-25T10:30:00.123456Z' }))).toEqual([]);
  });

  test('loses what is deleted, and moves what is changed to its end', async () => {
    const own = await newClient();
    for (const id of ['a', 'b', 'c']) await create(own, id);
    await write(own, 'PATCH', '/v1/candidates/a', { headline: 'x' });
    await write(own, 'DELETE', '/v1/candidates/b');
    await processed();
    expect(ids(await list(own))).toEqual(['c', 'a']);
  });

  test('goes on behind a candidate that is gone by then', async () => {
    const own = await newClient();
    for (const id of ['a', 'b', 'c']) await create(own, id);
    await processed();
    const { next_cursor } = await list(own, { limit: '2' });
    await write(own, 'DELETE', '/v1/candidates/b');
    await processed();
    expect(ids(await list(own, { cursor: next_cursor! }))).toEqual(['c']);
  });

  test.each<[query: string, names: string[]]>([
    ['limit=0', ['limit']],
    ['limit=-1', ['limit']],
    ['limit=201', ['limit']],
    ['limit=1.5', ['limit']],
    ['limit=', ['limit']],
    ['limit=ten', ['limit']],
    ['limit=1e400', ['limit']],
    ['limit=99999999999999999999', ['limit']],
    ['limit=1&limit=2', ['limit']],
    ['limit=%00', ['limit']],
    ['updated_after=', ['updated_after']],
    ['updated_after=yesterday', ['updated_after']],
    ['updated_after=2026-02-25', ['updated_after']],
    ['updated_after=2026-02-25T10:30:00', ['updated_after']],
    ['updated_after=2026-13-01T00:00:00Z', ['updated_after']],
    ['updated_after=2026-02-25T10:30:00.1234567Z', ['updated_after']],
    ['updated_after=99999-01-01T00:00:00Z', ['updated_after']],
    ['updated_after=infinity', ['updated_after']],
    ['updated_after=2026-02-25T10:30:00Z%00', ['updated_after']],
    ['updated_after=2026-02-25T10:30:00Z&updated_after=2026-02-25T10:30:00Z', ['updated_after']],
    ["updated_after=2026-02-25T10:30:00Z'%20or%20true--", ['updated_after']],
    ['cursor=', ['cursor']],
    ['cursor=nonsense', ['cursor']],
    [`cursor=${cursor('[]')}`, ['cursor']],
    [`cursor=${cursor('null')}`, ['cursor']],
    [`cursor=${cursor('["2026-02-25T10:30:00Z"]')}`, ['cursor']],
    [`cursor=${cursor('["yesterday","c"]')}`, ['cursor']],
    [`cursor=${cursor('["2026-02-25T10:30:00Z",7]')}`, ['cursor']],
    [`cursor=${cursor('["2026-02-25T10:30:00Z","a\\u0000b"]')}`, ['cursor']],
    [`cursor=${'W10'.repeat(3000)}`, ['cursor']],
    ['page=2', ['page']],
    ['__proto__=1', ['__proto__']],
    ['limit[]=5', ['limit[]']],
    ['cursor=x&limit=x&updated_after=x&x=x', ['x', 'limit', 'updated_after', 'cursor']],
  ])('?%s answers 422, which names every parameter that is wrong', async (query, names) => {
    const { status, body } = await call(gateway, account, `/v1/candidates?${query}`, { clientId });
    expect([status, (body.errors as { field: string }[]).map(({ field }) => field)]).toEqual([422, names]);
  });

  function cursor(json: string): string {
    return Buffer.from(json).toString('base64url');
  }
});

describe('while writes go on', () => {
  /** Changes random candidates through both gateways until it is told to stop. */
  function writing(clientId: string, count: number): { done: () => number; stop: () => Promise<void> } {
    let stopped = false;
    let done = 0;
    let writes = 0;
    const writer = async (to: Gateway): Promise<void> => {
      while (!stopped) {
        const n = ++writes;
        await create(clientId, `c-${(n * 7919) % count}`, { headline: `version ${n}` }, to);
        done++;
      }
    };
    const writers = Promise.all([gateway, replica, gateway, replica].map(writer));
    return {
      done: () => done,
      async stop() {
        stopped = true;
        await writers;
        await processed();
      },
    };
  }

  test('pages miss no candidate that was there when the first one was read', async () => {
    const clientId = await newClient();
    await Promise.all(Array.from({ length: 150 }, (_, n) => create(clientId, `c-${n}`)));
    await processed();
    const work = writing(clientId, 300);
    const seen: Shown[] = [];
    let cursor: string | null | undefined;
    // Bounded: writers may keep moving candidates ahead of a reader for as long as they like.
    for (let page = 0; page < 60 && cursor !== null; page++) {
      const found: Listed = await list(clientId, { limit: '10', ...(cursor != null && { cursor }) });
      seen.push(...found.data);
      cursor = found.next_cursor;
      const before = work.done();
      await until('a write beside this page', () => work.done() > before);
    }
    await work.stop();
    const found = new Set(seen.map(({ candidate_id }) => candidate_id));
    expect(Array.from({ length: 150 }, (_, n) => `c-${n}`).filter((id) => !found.has(id))).toEqual([]);
    const positions = seen.map(({ updated_at, candidate_id }) => `${updated_at} ${candidate_id}`);
    expect(positions).toEqual([...new Set(positions)].sort());
  });

  test('who polls with updated_after ends up with the last version of every candidate', async () => {
    const clientId = await newClient();
    const work = writing(clientId, 40);
    const copy = new Map<string, string>();
    let since = '2020-01-01T00:00:00Z';
    const poll = async (): Promise<void> => {
      let page: Listed = await list(clientId, { updated_after: since, limit: '25' });
      for (;;) {
        for (const { candidate_id, updated_at } of page.data) copy.set(candidate_id, updated_at);
        since = page.data.at(-1)?.updated_at ?? since;
        if (page.next_cursor === null) return;
        page = await list(clientId, { cursor: page.next_cursor, limit: '25' });
      }
    };
    while (work.done() < 400) await poll();
    await work.stop();
    await poll();
    const stored = await list(clientId, { limit: '200' });
    expect(stored.data).toHaveLength(40);
    expect(stored.data.filter((c) => copy.get(c.candidate_id) !== c.updated_at)).toEqual([]);
  });

  test('a version becomes visible only after every version with an earlier time', async () => {
    const clientId = await newClient();
    const work = writing(clientId, 40);
    let newest = '';
    let violations = 0;
    const known = new Map<string, string>();
    while (work.done() < 400) {
      const { rows } = await database.query<{ id: string; at: string }>(
        `select candidate_id as id, to_char(updated_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') as at
           from candidate where client_id = $1 order by updated_at`,
        [clientId],
      );
      const fresh = rows.filter(({ id, at }) => known.get(id) !== at);
      violations += fresh.filter(({ at }) => at <= newest).length;
      for (const { id, at } of fresh) known.set(id, at);
      newest = rows.at(-1)?.at ?? newest;
    }
    await work.stop();
    expect(known.size).toBe(40);
    expect(violations).toBe(0);
  });
});
