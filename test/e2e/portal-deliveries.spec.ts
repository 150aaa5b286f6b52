import { Client } from 'pg';
import { EVENTS } from '../../src/portal/deliveries/filter';
import { AttemptDetails } from '../../src/portal/deliveries/attempt-detail.service';
import { PortalAttempts } from '../../src/portal/deliveries/attempts.service';
import { DeadMessages } from '../../src/portal/deliveries/dead-messages.service';
import { FlowContentsReader } from '../../src/portal/flows/flow-contents.service';
import { signatureHeader } from '../../src/signing/signature';
import { ExplainingDatabase } from '../support/explaining-database';
import { call, makeAccount, startGateway, type Gateway, type TestAccount } from '../support/gateway';
import { makePortalUser, PortalClient } from '../support/portal';
import { startReceiver, type Receiver } from '../support/receiver';
import { until } from '../support/until';

let gateway: Gateway;
let receiver: Receiver;
let database: Client;
let account: TestAccount;
let accounts = 0;

beforeAll(async () => {
  // A message that fails once waits for a day.
  gateway = await startGateway({ env: { DELIVERY_RETRY_SCHEDULE: '86400', TRUST_PROXY: '1' } });
  database = new Client({ connectionString: gateway.databaseUrl });
  await database.connect();
});

beforeEach(async () => {
  receiver = await startReceiver(() => account.outgoingSecret);
  account = await makeAccount(gateway, `account-${++accounts}`, receiver.url);
  await makePortalUser(gateway, account.atsId, admin());
});

afterEach(() => receiver.close());

afterAll(async () => {
  await database.end();
  await gateway.close();
});

const admin = () => `admin@${account.atsId}.example`;

async function signedIn(email = admin()): Promise<PortalClient> {
  const client = new PortalClient(gateway.origin, `192.0.2.${Math.floor(Math.random() * 250)}`);
  expect((await client.signIn(email)).status).toBe(303);
  return client;
}

async function write(candidate_id = 'c-1', fields: object = {}): Promise<string> {
  const body = { candidate_id, first_name: 'Ann', last_name: 'Lee', ...fields };
  return String((await call(gateway, account, '/v1/candidates', { body })).body.reference_id);
}

async function sendWebhook(fields: object = {}): Promise<number> {
  const raw = Buffer.from(
    JSON.stringify({
      event: 'candidate.created',
      event_id: `e-${++accounts}`,
      client_id: 'client-1',
      user_id: 'u-1',
      candidate_id: 'c-1',
      first_name: 'Ann',
      last_name: 'Lee',
      ...fields,
    }),
  );
  const signature = signatureHeader([account.incomingSecret], Math.floor(Date.now() / 1000), raw);
  const response = await fetch(`${gateway.origin}/v1/webhooks/${account.atsId}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'X-Webhook-Signature': signature },
    body: raw,
  });
  return response.status;
}

async function sql<T>(text: string, values: unknown[] = []): Promise<T[]> {
  return (await database.query(text, values)).rows as T[];
}

const untilStatus = (id: string, status: string) =>
  until(`${id} to be ${status}`, async () => (await call(gateway, account, `/v1/flows/${id}`)).body.status === status);
const untilAttempts = (count: number) =>
  until(`${count} attempts`, async () => {
    const rows = await sql<{ id: string }>('select id from delivery_attempt where ats_id = $1 order by id', [
      account.atsId,
    ]);
    return rows.length >= count ? rows.map(({ id }) => id) : undefined;
  });

/** Attempts of an account, from the first day that has a partition. */
function seed(atsId: string, count: number): Promise<unknown> {
  return sql(
    `insert into delivery_attempt (id, ats_id, direction, event, number, outcome, status_code, error, duration_ms)
     select uuidv7(), $1, case when n % 2 = 0 then 'outgoing' else 'incoming' end,
            case when n % 3 = 0 then 'candidate.created' else 'vacancy.updated' end, 1,
            case when n % 5 = 0 then 'failure' else 'success' end, case when n % 5 = 0 then 500 else 200 end, null, n
       from generate_series(1, $2::int) n order by n`,
    [atsId, count],
  );
}

const linkTo = (html: string, text: string) =>
  new RegExp(`<a href="([^"]+)">${text}</a>`).exec(html)?.[1]?.replaceAll('&amp;', '&');
const tookOf = (html: string) =>
  [...html.matchAll(/class="nowrap took">(?:(\d+) ms|([\d.]+) s)</g)].map(([, ms, s]) =>
    Number(ms ?? Number(s) * 1000),
  );

describe('Webhook Deliveries', () => {
  test('an account that nothing was sent to is told so', async () => {
    const { status, text } = await (await signedIn()).get('/portal/deliveries');
    expect(status).toBe(200);
    expect(text).toContain('Nothing was sent or received yet.');
  });

  test('newest first, every one once, and the filters survive paging', async () => {
    await seed(account.atsId, 400);
    const client = await signedIn();
    const walk = async (path: string): Promise<number[]> => {
      const found: number[] = [];
      for (let next: string | undefined = path; next !== undefined;) {
        const { text }: { text: string } = await client.get(next);
        found.push(...tookOf(text));
        next = linkTo(text, 'Older') ?? linkTo(text, 'Look further back');
      }
      return found;
    };
    const all = Array.from({ length: 400 }, (_, n) => 400 - n);
    expect(await walk('/portal/deliveries')).toEqual(all);
    const narrow = '/portal/deliveries?direction=outgoing&outcome=failure&event=candidate.created';
    expect(await walk(narrow)).toEqual(all.filter((n) => n % 30 === 0));
    expect(await walk('/portal/deliveries?direction=incoming')).toEqual(all.filter((n) => n % 2 === 1));
    const { text } = await client.get(narrow.replace('failure', 'success'));
    const older = await client.get(linkTo(text, 'Older')!);
    expect(older.text).toMatch(/<option value="outgoing" selected/);
    expect(older.text).toMatch(/<option value="candidate.created" selected/);
    expect(linkTo(older.text, 'Newest')).toBe(narrow.replace('failure', 'success'));
    expect((await client.get('/portal/deliveries?outcome=error')).text).toContain('Nothing matches these filters');
  });

  test('what no filter offers counts as none', async () => {
    await seed(account.atsId, 3);
    const odd = '/portal/deliveries?direction=up&outcome[]=x&event=__proto__&before=nonsense';
    expect(tookOf((await (await signedIn()).get(odd)).text)).toEqual([3, 2, 1]);
    expect(EVENTS).toEqual(expect.arrayContaining(['workspace.provisioned', 'workspace.created', 'ping']));
  });

  test('both directions in detail: headers, signature, payload, answer, and the way to the flow; no secret', async () => {
    receiver.script = (_delivery, response) => {
      response.writeHead(500, { 'Content-Type': 'application/json', 'Retry-After': '7', 'Set-Cookie': 'receiver=1' });
      response.end('{"why":{"big":12345678901234567890}}');
      return undefined;
    };
    expect(await sendWebhook()).toBe(202);
    const [incoming, outgoing] = await untilAttempts(2);
    const client = await signedIn();
    const list = (await client.get('/portal/deliveries')).text;
    expect(list).toContain('It answered 500 Internal Server Error.');
    const sent = (await client.get(`/portal/deliveries/${outgoing!}`)).text;
    const [flow] = await sql<{ id: string }>('select reference_id as id from flow where ats_id = $1', [account.atsId]);
    for (const shown of [
      outgoing!,
      flow!.id,
      `evt_${flow!.id.replaceAll('-', '')}`,
      'candidate.created',
      'Retry-After'.toLowerCase(),
      '12345678901234567890',
      'Next attempt',
      '&quot;candidate_id&quot;: &quot;c-1&quot;',
      `href="/portal/flows/${flow!.id}"`,
      'v1=',
    ]) {
      expect(sent).toContain(shown);
    }
    const received = (await client.get(`/portal/deliveries/${incoming!}`)).text;
    expect(received).toContain('We answered 202 Accepted.');
    expect(received).toContain('&quot;first_name&quot;: &quot;Ann&quot;');
    for (const text of [sent, received]) {
      expect(text).not.toContain(account.incomingSecret);
      expect(text).not.toContain(account.outgoingSecret);
      expect(text).not.toContain('receiver=1');
    }
    // Soon outgoing attempts are stored without what they always send.
    await sql('update delivery_attempt set request_headers = null where id = $1', [outgoing]);
    expect((await client.get(`/portal/deliveries/${outgoing!}`)).status).toBe(200);
  });

  test('an answer of 64 KiB or more is marked as cut; a test as a test, with nothing to redeliver', async () => {
    const [{ id }] = await sql<{ id: string }>(
      `insert into delivery_attempt (id, ats_id, direction, event, number, outcome, status_code, duration_ms, payload,
                                     response_body, test)
       values (uuidv7(), $1, 'outgoing', 'candidate.created', 1, 'success', 200, 1, '{"tried":true}', repeat('x', 65536), true)
       returning id`,
      [account.atsId],
    ).then((rows) => rows as [{ id: string }]);
    const client = await signedIn();
    const { text } = await client.get(`/portal/deliveries/${id}`);
    expect(text).toContain('only its first 64 KiB are kept');
    expect(text).toContain('&quot;tried&quot;: true');
    expect(text).toContain('>Test<');
    expect(text).not.toContain('redeliver');
    expect((await client.get('/portal/deliveries')).text).toContain('>Test<');
  });

  test('a page reads a bounded part of the log, however long it is and however rare what is looked for', async () => {
    await seed(account.atsId, 30_000);
    await sql('analyze delivery_attempt');
    const explaining = new ExplainingDatabase(database, {});
    const attempts = new PortalAttempts(explaining.asDatabase);
    const page = await attempts.list(account.atsId, { direction: null, outcome: 'error', event: null }, null);
    expect(page).toMatchObject({ attempts: [], older: expect.any(String) });
    const next = await attempts.list(account.atsId, { direction: null, outcome: 'error', event: null }, page.older);
    expect(next.older! < page.older!).toBe(true);
    const any = await attempts.list(account.atsId, { direction: null, outcome: null, event: null }, null);
    await new AttemptDetails(explaining.asDatabase).find(account.atsId, any.attempts[0]!.id);
    await new FlowContentsReader(explaining.asDatabase).find(account.atsId, any.attempts[0]!.id);
    await new DeadMessages(explaining.asDatabase).list(account.atsId, null);
    expect(explaining.statements.size).toBe(4);
    const log = explaining.scans.filter(({ table }) => table.startsWith('delivery_attempt'));
    expect(log.length).toBeGreaterThan(5);
    expect(log.filter(({ type, rows }) => rows > 2500 || (type === 'Seq Scan' && rows > 0))).toEqual([]);
    const { text } = await (await signedIn()).get('/portal/deliveries?outcome=error');
    expect(text).toContain('Look further back');
  });
});

describe('Flow', () => {
  test('a reference id leads to its flow, however it was pasted, and so does an event id', async () => {
    const id = await write();
    const client = await signedIn();
    const eventId = `evt_${id.replaceAll('-', '')}`;
    for (const pasted of [id, ` ${id}\t`, id.toUpperCase(), `"${id}",`, `\u200b${id}\u200e`, `\n${eventId} `]) {
      const query = new URLSearchParams({ reference_id: pasted }).toString();
      expect(await client.get(`/portal/flows?${query}`)).toMatchObject({
        status: 303,
        location: `/portal/flows/${id}`,
      });
    }
    expect((await client.get(`/portal/flows/${id.toUpperCase()}`)).status).toBe(200);
    const unknown = await client.get('/portal/flows?reference_id=019db49a-860b-74cb-8199-635ca3ad7f59');
    expect(unknown).toMatchObject({ status: 404, text: expect.stringContaining('There is no flow with this') });
    const nonsense = await client.get('/portal/flows?reference_id=nonsense');
    expect(nonsense).toMatchObject({ status: 422, text: expect.stringContaining('This is no reference id') });
  });

  test('writes are found by entity, workspace and status', async () => {
    const [one, two] = [await write('c-1'), await write('c-2')];
    await Promise.all([untilStatus(one, 'delivered'), untilStatus(two, 'delivered')]);
    const client = await signedIn();
    const found = async (query: string) =>
      [...(await client.get(`/portal/flows?${query}`)).text.matchAll(/href="\/portal\/flows\/([0-9a-f-]{36})"/g)].map(
        (match) => match[1],
      );
    expect(await found('')).toEqual([two, one]);
    expect(await found('entity_id=c-1')).toEqual([one]);
    expect(await found('client_id=client-1&status=delivered')).toEqual([two, one]);
    expect(await found('client_id=nobody')).toEqual([]);
    expect(await found('status=dead')).toEqual([]);
    expect(await found('entity_id=%00')).toEqual([]);
  });

  test('a failed result is redelivered by an admin, noted in the audit log, and shown delivered', async () => {
    receiver.script = () => 503;
    const id = await write();
    await untilAttempts(1);
    const client = await signedIn();
    const before = (await client.get(`/portal/flows/${id}`)).text;
    expect(before).toContain('On its way');
    expect(before).toContain('It answered 503 Service Unavailable.');
    receiver.script = () => 200;
    await sql(`update endpoint set rest_until = '-infinity', paused_until = '-infinity' where ats_id = $1`, [
      account.atsId,
    ]);
    const answer = await client.post(`/portal/flows/${id}/redeliver`, {}, `/portal/flows/${id}`);
    expect(answer).toMatchObject({ status: 303, location: `/portal/flows/${id}` });
    await untilStatus(id, 'delivered');
    const after = await client.get(`/portal/flows/${id}`);
    expect(after.headers.get('refresh')).toBe('2');
    expect(after.text).toContain('The result is delivered again');
    expect(after.text).toContain('Your endpoint took the result.');
    expect((await client.get(`/portal/flows/${id}`)).headers.get('refresh')).toBeNull();
    const log = (await client.get('/portal/audit-log')).text;
    expect(log).toContain('Result redelivered');
    expect(log).toContain(`reference id: ${id}`);
    expect(receiver.deliveries.filter((d) => d.body.reference_id === id)).toHaveLength(2);
  });
});

describe('who may', () => {
  test('a viewer and staff see everything, no button, and are refused; nothing is queued', async () => {
    const id = await write();
    await untilStatus(id, 'delivered');
    const [attempt] = await untilAttempts(1);
    await sql(
      `insert into dead_message (reference_id, ats_id, entity_key, failures, state) values (uuidv7(), $1, 'x', 1, 'dead')`,
      [account.atsId],
    );
    await makePortalUser(gateway, account.atsId, `viewer@${account.atsId}.example`, 'viewer');
    await makePortalUser(gateway, null, `staff-${account.atsId}@carv.example`, 'staff');
    const viewer = await signedIn(`viewer@${account.atsId}.example`);
    const staff = await signedIn(`staff-${account.atsId}@carv.example`);
    await staff.post('/portal/accounts', { ats_id: account.atsId }, '/portal/accounts');
    const pages = [`/portal/flows/${id}`, `/portal/deliveries/${attempt!}`, '/portal/deliveries/dead'];
    for (const client of [viewer, staff]) {
      for (const path of [...pages, '/portal/deliveries', '/portal/flows']) {
        const { status, text } = await client.get(path);
        expect({ path, status }).toEqual({ path, status: 200 });
        expect(text).not.toMatch(/Redeliver<|\/redeliver"/);
      }
      expect((await client.post(`/portal/flows/${id}/redeliver`, {}, '/portal')).status).toBe(403);
      expect((await client.get('/portal/deliveries/dead/redeliver?age=all')).status).toBe(403);
      const since = new Date(0).toISOString();
      expect((await client.post('/portal/deliveries/dead/redeliver', { since }, '/portal')).status).toBe(403);
    }
    for (const path of pages) expect((await (await signedIn()).get(path)).text).toMatch(/Redeliver/);
    expect(receiver.deliveries).toHaveLength(1);
    expect(await sql('select from bulk_redelivery where ats_id = $1', [account.atsId])).toHaveLength(0);
    expect(
      await sql(`select from audit_entry where ats_id = $1 and action like '%redeliver%'`, [account.atsId]),
    ).toEqual([]);
  });

  test('another account’s attempt, flow and redelivery are as unknown as any, on every route', async () => {
    const id = await write('only-the-victim');
    await untilStatus(id, 'delivered');
    const [attempt] = await untilAttempts(1);
    const [job] = await sql<{ id: string }>(
      `insert into bulk_redelivery (id, ats_id, since, total, requested_by) values (uuidv7(), $1, now(), 1, 'x') returning id`,
      [account.atsId],
    );
    const victim = account;
    account = await makeAccount(gateway, `account-${++accounts}`, receiver.url);
    await makePortalUser(gateway, account.atsId, admin());
    const attacker = await signedIn();
    const unknown = '019db49a-860b-74cb-8199-000000000000';
    const anonymous = ({ status, text }: { status: number; text: string }, own: string) => ({
      status,
      text: text.replaceAll(own, 'ID').replace(/value="[\w-]{43}"/g, ''),
    });
    for (const [path, own] of [
      ['/portal/deliveries/ID', attempt!],
      ['/portal/flows/ID', id],
      ['/portal/flows?reference_id=ID', id],
      ['/portal/deliveries/dead/redeliveries/ID', job!.id],
    ] as const) {
      const theirs = anonymous(await attacker.get(path.replace('ID', own)), own);
      expect(theirs).toEqual(anonymous(await attacker.get(path.replace('ID', unknown)), unknown));
      expect(theirs.status).toBe(404);
    }
    expect((await attacker.post(`/portal/flows/${id}/redeliver`, {}, '/portal')).status).toBe(404);
    for (const path of [
      '/portal/deliveries',
      `/portal/deliveries?before=${attempt!}`,
      '/portal/deliveries/dead',
      '/portal/flows?entity_id=only-the-victim',
      `/portal/flows?before=${id}`,
    ]) {
      const { status, text } = await attacker.get(path);
      expect(status).toBe(200);
      expect(text).not.toMatch(/href="\/portal\/(flows|deliveries)\/[0-9a-f]{8}-/);
      expect(text).not.toContain('being redelivered');
    }
    await sql('delete from bulk_redelivery where ats_id = $1', [victim.atsId]);
    expect(receiver.deliveries).toHaveLength(1);
  });
});

describe('what others wrote', () => {
  const XSS = `"><script>alert(1)</script><img src=x onerror=alert(1)>'`;
  /** Unseen: it turns the text, it parts it, it is nothing. */
  const UNSEEN = '\u202egpj.exe\u202c\u200b\u2028\u0007\u{e0041}';
  const NASTY = XSS + UNSEEN;

  test('is text on every page, its unseen characters spelt out, and what was asked for as well', async () => {
    const nastyId = `"><script>alert(1)</script>`;
    receiver.script = (_delivery, response) => {
      response.writeHead(500, { 'Content-Type': `text/html; x=${XSS}`, 'X-RateLimit-Limit': XSS });
      response.end(`${XSS}\0${UNSEEN}`);
      return undefined;
    };
    const fields = { first_name: XSS, last_name: 'ע\u05d1ר', headline: UNSEEN.replace('\u0007', '') };
    expect(await sendWebhook({ candidate_id: nastyId, ...fields })).toBe(202);
    expect(await sendWebhook({ [XSS]: XSS, event_id: XSS })).toBe(422);
    const attempts = await untilAttempts(3);
    await sql(
      `insert into delivery_attempt (id, ats_id, direction, event, number, outcome, status_code, error, duration_ms,
                                     signature, request_headers, response_headers, payload, response_body)
       select uuidv7(), $1, d, $2, 1, o, s, $2, 1, $2, json_build_object($2::text, $2::text),
              json_build_object($2::text, $2::text), $2, $2
         from (values ('outgoing', 'error', null), ('incoming', 'failure', 422)) v(d, o, s)`,
      [account.atsId, NASTY],
    );
    const [dead] = await sql<{ id: string }>(
      `with f as (insert into flow select uuidv7(), ats_id, $2, $2, source, event, $2, payload from flow
                   where ats_id = $1 limit 1 returning *),
            r as (insert into result_event (reference_id, ats_id, client_id, event, status, body, created_at, position)
                  select reference_id, ats_id, $2, event, 'error',
                         json_build_object('error', json_build_object('code', $2::text, 'message', $2::text)), now(), 9 from f)
       insert into dead_message (reference_id, ats_id, entity_key, failures, state)
       select reference_id, ats_id, 'x', 1, 'dead' from f returning reference_id as id`,
      [account.atsId, NASTY],
    );
    const all = await sql<{ id: string; flow: string | null }>(
      'select id, reference_id as flow from delivery_attempt where ats_id = $1',
      [account.atsId],
    );
    expect(all.length).toBe(attempts.length + 2);
    const client = await signedIn();
    const flows = [...new Set([dead!.id, ...all.flatMap(({ flow }) => flow ?? [])])];
    const asked = encodeURIComponent(NASTY);
    const paths = [
      '/portal/deliveries',
      `/portal/deliveries?direction=${asked}&outcome=${asked}&event=${asked}&before=${asked}`,
      '/portal/deliveries/dead',
      `/portal/deliveries/dead?before=${asked}`,
      `/portal/deliveries/dead/redeliver?age=${asked}&from=${asked}`,
      '/portal/deliveries/dead/redeliver?age=all',
      `/portal/deliveries/${asked}`,
      `/portal/deliveries/dead/redeliveries/${asked}`,
      '/portal/flows',
      `/portal/flows?reference_id=${asked}&entity_id=${asked}&client_id=${asked}&status=${asked}&before=${asked}`,
      `/portal/flows?entity_id=${encodeURIComponent(nastyId)}&client_id=${encodeURIComponent(nastyId)}`,
      `/portal/flows/${asked}`,
      ...all.map(({ id }) => `/portal/deliveries/${id}`),
      ...flows.map((id) => `/portal/flows/${id}`),
    ];
    let shown = 0;
    for (const path of paths) {
      const { status, text } = await client.get(path);
      expect({ path, status }).toEqual({ path, status: expect.any(Number) });
      expect(status).toBeLessThan(500);
      expect({ path, harm: /<script>|<img |"[^"<>]* onerror=[^"]*>/.exec(text)?.[0] }).toEqual({
        path,
        harm: undefined,
      });
      // Where the question stands in its own field again, it is as it was typed.
      if (!path.includes(asked)) expect(text).not.toMatch(/(?![\n\t])\p{Cc}|[\u202a-\u202e\u200b\u2028]|\u{e0041}/u);
      if (text.includes('alert(1)')) shown++;
      if (text.includes('gpj.exe') && !path.includes(asked)) expect(text).toContain('\\u202egpj.exe');
    }
    expect(shown).toBeGreaterThan(8);
    for (const path of ['/portal/deliveries/dead/redeliver', `/portal/flows/${dead!.id}/redeliver`]) {
      const { text, headers } = await client.post(path, { since: NASTY, back: `//evil.example${XSS}` }, '/portal');
      expect(text).not.toMatch(/<script>|<img /);
      expect(headers.get('location') ?? '/portal/').toMatch(/^\/portal\//);
    }
  });
});
