import { Accounts } from '../../src/accounts/accounts.service';
import { DEMO } from '../../src/accounts/demo';
import { Database, statement } from '../../src/database/database';
import { DemoAccount } from '../../src/ops/demo-account.service';
import { call, makeAccount, startGateway, type Gateway } from '../support/gateway';
import { makePortalUser, PortalClient } from '../support/portal';
import { TableLock } from '../support/table-lock';
import { until } from '../support/until';

const XSS = `"><script>alert(1)</script><img src=x onerror=alert(1)>'`;
const STAFF = 'staff@carv.example';

let gateway: Gateway;

beforeAll(async () => {
  // Nothing is delivered until a test wants it: what waits goes on waiting.
  gateway = await startGateway({ env: { ROLE: 'api' } });
  await gateway.app.get(DemoAccount).ensure(gateway.origin);
  for (const atsId of ['acme', 'globex']) {
    await makeAccount(gateway, atsId, 'https://hooks.example.com/carv');
    await makePortalUser(gateway, atsId, `ann@${atsId}.example`);
  }
  await makePortalUser(gateway, null, STAFF, 'staff');
});

afterAll(() => gateway.close());

const sql = <T extends object>(text: string, values: unknown[] = []): Promise<T[]> =>
  gateway.app.get(Database).query<T>(statement('', text), values);

async function signedIn(email: string, password?: string): Promise<PortalClient> {
  const client = new PortalClient(gateway.origin);
  expect((await client.signIn(email, password)).status).toBe(303);
  return client;
}

const overview = async (atsId: string): Promise<string> =>
  (await (await signedIn(`ann@${atsId}.example`)).get('/portal')).text;

/** As a reader sees it. */
const words = (html: string): string =>
  html
    .replace(/<svg[^]*?<\/svg>|<[^>]+>/g, ' ')
    .replaceAll('&amp;', '&')
    .replace(/\s+/g, ' ');

describe('the state of the endpoint, and what to do next', () => {
  const HEALTHY = `url = 'https://hooks.example.com/carv', disabled_at = null, disabled_reason = null, failures_in_row = 0,
                   breaker_pause_ms = 0, paused_until = '-infinity', rest_until = '-infinity'`;

  afterEach(() => sql(`update endpoint set ${HEALTHY} where ats_id = 'acme'`));

  test.each([
    ['true', 'Healthy', 'No delivery is failing.', null],
    ['url = null', 'No URL', 'delivered once a webhook URL is set', 'Set a webhook URL'],
    [
      `disabled_at = now(), disabled_reason = 'The endpoint answered 410 Gone'`,
      'Disabled',
      'The endpoint answered 410 Gone.',
      'Mend it, then resume deliveries',
    ],
    ['failures_in_row = 3', 'Failing', 'The last 3 deliveries failed.', 'Check the URL with a ping'],
    [
      `failures_in_row = 20, breaker_pause_ms = 60000, paused_until = now() + interval '1 minute'`,
      'Paused until ',
      '20 deliveries in a row failed.',
      'Check the URL with a ping',
    ],
    [
      `rest_until = now() + interval '1 hour'`,
      'Paused until ',
      'The endpoint asked for a rest (Retry-After).',
      'Check the URL with a ping',
    ],
  ])('%s', async (change, label, sentence, next) => {
    if (change !== 'true') await sql(`update endpoint set ${change} where ats_id = 'acme'`);
    const html = await overview('acme');
    expect(words(html)).toContain(label);
    expect(words(html)).toContain(sentence);
    if (next === null) expect(html).not.toContain('class="button"');
    else expect(html).toContain(`<a class="button" href="/portal/configuration">${next}</a>`);
  });
});

describe('what waits, and why', () => {
  afterEach(() => sql('truncate outbox_message'));

  test.each([
    [`now() - interval '2 hours'`, '-infinity', 'It is next in line.'],
    [`now() - interval '2 hours'`, 'tomorrow', 'It is being sent right now.'],
    [`now() + interval '2 hours'`, '-infinity', '3 attempts failed; the next is due'],
    [`'infinity'`, 'infinity', 'Its application is being scored.'],
  ])('due %s, leased till %s', async (availableAt, leasedUntil, reason) => {
    await sql(`update endpoint set paused_until = now() where ats_id = 'acme'`);
    await sql(
      `insert into outbox_message (ats_id, entity_key, reference_id, failures, available_at, leased_until, queued_at)
       values ('acme', 'one', uuidv7(), 3, ${availableAt}, $1::timestamptz, now() - interval '61 minutes'),
              ('acme', 'one', uuidv7(), 0, 'infinity', '-infinity', now()),
              ('globex', 'one', uuidv7(), 0, now() + interval '1 day', '-infinity', now() - interval '9 days')`,
      [leasedUntil],
    );
    const text = words(await overview('acme'));
    expect(text).toContain('2 results');
    expect(text).toContain('1 h 1 min');
    expect(text).toContain(reason);
  });
});

test('figures and failures are one’s own, tests are not among them, and staff sees those of the account it looks at', async () => {
  const put = (atsId: string, event: string, more: string) =>
    sql(
      `insert into delivery_attempt (id, ats_id, reference_id, direction, event, number, outcome, status_code, duration_ms, test)
       select uuidv7(), $1, '019db49a-860b-74cb-8199-635ca3ad7f59', 'outgoing', $2, 1, ${more}`,
      [atsId, event],
    );
  await put('acme', XSS, `'failure', 401, 12, false from generate_series(1, 41)`);
  await put('acme', 'test-event', `'failure', 418, 12, true from generate_series(1, 7)`);
  await put('globex', 'globex-event', `'error', null, 12, false from generate_series(1, 1234)`);
  const acme = await overview('acme');
  expect(words(acme)).toMatch(/Delivered 0 Refused 41 No answer 0/);
  expect(words(acme)).toContain('It refused the signature, or asks for credentials');
  expect(acme).toContain('href="/portal/flows/019db49a-860b-74cb-8199-635ca3ad7f59"');
  expect(acme).not.toMatch(/globex|1,234|test-event|418|<script>|<img /);
  expect(words(await overview('globex'))).toMatch(/Delivered 0 Refused 0 No answer 1,234/);

  const staff = await signedIn(STAFF);
  await staff.post('/portal/accounts', { ats_id: 'globex' }, '/portal/accounts');
  const seen = words((await staff.get('/portal?range=7d')).text);
  expect(seen).toMatch(/Delivered 0 Refused 0 No answer 1,234/);
});

test.each(['7d', '24h', '', '9d', XSS, '7d&range=24h', '__proto__'])('any range is answered: %s', async (range) => {
  const client = await signedIn('ann@acme.example');
  const { status, text } = await client.get(
    `/portal?range=${range === '7d&range=24h' ? range : encodeURIComponent(range)}`,
  );
  expect(status).toBe(200);
  expect(text).toContain(range === '7d' ? 'the last 7 days' : 'the last 24 hours');
  expect(text).not.toMatch(/<script>|<img /);
});

describe('what the demo receiver got', () => {
  const headersOf = ({ cookies }: PortalClient) => ({
    Cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; '),
  });

  /** An open stream, and what came so far. */
  async function listen(client: PortalClient, origin = gateway.origin) {
    const stop = new AbortController();
    const response = await fetch(`${origin}/portal/received`, { headers: headersOf(client), signal: stop.signal });
    const stream = {
      status: response.status,
      headers: response.headers,
      text: '',
      ended: false,
      broken: false,
      stop: () => stop.abort(),
    };
    void (async () => {
      const decoder = new TextDecoder();
      try {
        for await (const chunk of response.body!) stream.text += decoder.decode(chunk);
      } catch {
        // Aborted by the test, or broken off, which counts as an end.
        stream.broken = true;
      }
      stream.ended = true;
    })();
    return stream;
  }

  const demo = () => signedIn(DEMO.email, DEMO.password);

  test('is told to an open page at once, and shown as text', async () => {
    const client = await demo();
    const stream = await listen(client);
    expect(stream.headers.get('content-type')).toBe('text/event-stream');
    await until('the first word', () => stream.text.includes('data: 0'));
    const body = { candidate_id: XSS.slice(0, 30), first_name: XSS, last_name: 'Smith' };
    const { status } = await call(gateway, DEMO, '/v1/candidates', { clientId: DEMO.clientId, body });
    expect(status).toBe(202);
    const worker = await startGateway({ databaseUrl: gateway.databaseUrl, env: { ROLE: 'worker' } });
    await until('a delivery', () => stream.text.includes('data: 1'));
    await worker.close();
    const { text } = await client.get('/portal');
    expect(text).toContain('&lt;script>alert(1)');
    expect(text).not.toMatch(/<script>|<img /);
    expect(words(text)).toContain('Verified');
    stream.stop();
    await until('the end', () => stream.ended);
  });

  test('whatever anybody sent there, it is text', async () => {
    const post = (body: string) =>
      fetch(`${gateway.origin}/dev/receiver`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body,
      });
    const client = await demo();
    for (const body of [
      JSON.stringify({ event: XSS, reference_id: `javascript:${XSS}`, data: { title: XSS } }),
      JSON.stringify({ event: { toString: 1 }, data: [XSS] }),
      JSON.stringify(['__proto__', null]),
      'null',
      XSS,
    ]) {
      expect((await post(body)).status).toBe(401);
      const { status, text } = await client.get('/portal');
      expect(status).toBe(200);
      expect(text).not.toMatch(/<script>|<img |href="[^"]*javascript/);
      expect(words(text)).toContain('Not verified');
    }
  });

  test('is nobody else’s', async () => {
    const client = await signedIn('ann@acme.example');
    expect((await client.get('/portal/received')).status).toBe(404);
    expect((await client.get('/portal')).text).not.toMatch(/data-stream|live\..*\.js/);
    expect(await new PortalClient(gateway.origin).get('/portal/received')).toMatchObject({ status: 303 });
  });

  test('is open on a few pages at most', async () => {
    const client = await demo();
    const streams = await Promise.all(Array.from({ length: 12 }, () => listen(client)));
    expect(streams.map(({ status }) => status).sort()).toEqual([...Array(10).fill(200), 429, 429]);
    for (const stream of streams) stream.stop();
    await until('room', async () => {
      const one = await listen(client);
      one.stop();
      return one.status === 200;
    });
  });

  test('a page that was closed before it was let in takes no room', async () => {
    const client = await demo();
    const lock = await TableLock.open(gateway.databaseUrl);
    await lock.take('portal_session');
    const leave = new AbortController();
    const leaving = Array.from({ length: 10 }, () =>
      fetch(`${gateway.origin}/portal/received`, { headers: headersOf(client), signal: leave.signal }),
    );
    const left = Promise.allSettled(leaving);
    await lock.stopsSomebody('portal_session');
    leave.abort();
    await left;
    // By its answer, the gateway has heard that they left.
    await fetch(`${gateway.origin}/openapi.json`);
    await lock.close();
    const streams = await Promise.all(Array.from({ length: 10 }, () => listen(client)));
    expect(streams.map(({ status }) => status)).toEqual(Array(10).fill(200));
    for (const stream of streams) stream.stop();
  });

  test('is never there in production', async () => {
    const env = {
      NODE_ENV: 'production',
      PUBLIC_URL: 'https://portal.example',
      HOST: '127.0.0.1',
      LOG_LEVEL: 'silent',
    };
    const production = await startGateway({ databaseUrl: gateway.databaseUrl, env });
    try {
      const cookies = (await demo()).cookies;
      const client = new PortalClient(production.origin);
      client.cookies.set('__Host-portal_session', cookies.get('portal_session')!);
      expect((await client.get('/portal')).status).toBe(200);
      expect((await client.get('/portal/received')).status).toBe(404);
      expect((await client.get('/portal')).text).not.toContain('data-stream');
    } finally {
      await production.close();
    }
  });

  test('does not hold up the end of the gateway', async () => {
    const other = await startGateway({ databaseUrl: gateway.databaseUrl });
    const client = new PortalClient(other.origin);
    await client.signIn(DEMO.email, DEMO.password);
    const stream = await listen(client, other.origin);
    expect(stream.status).toBe(200);
    await other.close();
    await until('the end', () => stream.ended);
    // What does not end by itself is broken off when its grace is over.
    expect(stream.broken).toBe(false);
  });
});

test('a disabled account is told so, and sees its figures', async () => {
  await gateway.app.get(Accounts).setEnabled('globex', false, 'test');
  expect(words(await overview('globex'))).toContain('This account is disabled');
});
