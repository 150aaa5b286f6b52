import { Database, statement } from '../../src/database/database';
import { readEnv } from '../../src/config/read-env';
import { configureLogger } from '../../src/observability/logger';
import { Accounts } from '../../src/accounts/accounts.service';
import { Passwords } from '../../src/accounts/passwords.service';
import { PortalLinks } from '../../src/accounts/portal-links.service';
import { makeAccount, startGateway, type Gateway, type TestAccount } from '../support/gateway';
import { makePortalUser, PASSWORD, PortalClient, tokenOf, type Answer } from '../support/portal';
import { routesOf } from '../support/routes';

const ADMIN = 'admin@victim.example';
const VIEWER = 'viewer@victim.example';
const STAFF = 'staff@carv.example';
const ATTACKER = 'admin@attacker.example';

/** What may stand for a route's parameters. */
const PARAMETERS: Record<string, string> = {
  ':direction': 'incoming',
  ':token': 'x'.repeat(43),
  '*path': 'nothing',
};
/** What everybody who is signed in may do. */
const OWN = ['/portal/sign-out', '/portal/theme', '/portal/profile/password', '/portal/profile/sign-out-everywhere'];

let gateway: Gateway;
let victim: TestAccount;
let addresses = 0;

beforeAll(async () => {
  gateway = await startGateway({ env: { TRUST_PROXY: '1' } });
  victim = await makeAccount(gateway, 'victim', null);
  await makeAccount(gateway, 'attacker', null);
  await makePortalUser(gateway, 'victim', ADMIN);
  await makePortalUser(gateway, 'victim', VIEWER, 'viewer');
  await makePortalUser(gateway, 'attacker', ATTACKER);
  await makePortalUser(gateway, null, STAFF, 'staff');
  PARAMETERS[':id'] = PARAMETERS[':reference_id'] = await giveFlow('victim');
});

/** A flow of an account that was given up, its last attempt, and a redelivery in bulk, all by one id. */
async function giveFlow(atsId: string): Promise<string> {
  const [flow] = await sql<{ id: string }>(
    `with f as (insert into flow select uuidv7(), $1, 'client-1', 'u', 'webhook', 'candidate.created', 'c-1', '{}'
                returning reference_id as id),
          r as (insert into result_event (reference_id, ats_id, client_id, event, status, body, created_at, position)
                select id, $1, 'client-1', 'candidate.created', 'success', '{}', now(), 1 from f),
          d as (insert into dead_message (reference_id, ats_id, entity_key, failures, state)
                select id, $1, 'c-1', 1, 'dead' from f),
          b as (insert into bulk_redelivery (id, ats_id, since, total, requested_by, finished_at)
                select id, $1, now(), 1, $1, now() from f)
     insert into delivery_attempt (id, ats_id, reference_id, direction, event, number, outcome, duration_ms, payload)
     select id, $1, id, 'outgoing', 'candidate.created', 1, 'error', 1, $1 from f returning id`,
    [atsId],
  );
  return flow!.id;
}

afterAll(() => gateway.close());

const sql = <T extends object>(text: string, values: unknown[] = []): Promise<T[]> =>
  gateway.app.get(Database).query<T>(statement('', text), values);

/** Each from an address of its own, so that tests do not use up each other's tries. */
const browser = (address = `192.0.2.${++addresses}`) => new PortalClient(gateway.origin, address);

async function signedIn(email: string): Promise<PortalClient> {
  const client = browser();
  expect(await client.signIn(email)).toMatchObject({ status: 303, location: '/portal' });
  return client;
}

const filled = (path: string) =>
  Object.entries(PARAMETERS).reduce((text, [name, value]) => text.replace(name, value), path);
const routes = (method: string, scheme?: string): string[] =>
  routesOf(gateway)
    .filter((route) => route.path.startsWith('/portal') && route.method === method)
    .filter((route) => scheme === undefined || route.scheme === scheme)
    .map((route) => filled(route.path));

/** All that a request of the portal's could have changed in the account. */
const state = () =>
  sql(`select (select json_agg(a) from account a) as accounts, (select json_agg(e) from endpoint e) as endpoints,
              (select json_agg(s order by id) from account_secret s) as secrets,
              (select json_agg(u order by email) from (select email, role, password_hash from portal_user) u) as users,
              (select json_agg(l) from portal_link l) as links, (select json_agg(d) from dead_message d) as dead,
              (select json_agg(b) from bulk_redelivery b) as redeliveries, (select count(*) from outbox_message) as queued, (select count(*) from portal_session) as sessions`);

const csrfOf = async (client: PortalClient) => tokenOf((await client.get('/portal/profile')).text);

describe('a form that is not ours', () => {
  test('of every route that takes one: without its token, with another session’s, from another origin: 403, nothing changes', async () => {
    const client = await signedIn(ADMIN);
    const [own, foreign] = [await csrfOf(client), await csrfOf(await signedIn(ATTACKER))];
    const before = await state();
    const posts = routes('POST');
    expect(posts.length).toBeGreaterThan(15);
    for (const path of posts) {
      const fields = {
        password: PASSWORD,
        name: 'x',
        webhook_url: '',
        email: VIEWER,
        new_password: 'quite another one',
        since: '2026-01-01T00:00:00.000Z',
      };
      const tries: [Record<string, string>, Record<string, string>][] = [
        [{}, {}],
        [{ csrf: '' }, {}],
        [{ csrf: foreign }, {}],
        [{ csrf: own }, { Origin: 'https://evil.example' }],
        [{ csrf: own }, { Origin: 'null' }],
        [{ csrf: own }, { Origin: 'https://evil.example', Host: 'evil.example', 'X-Forwarded-Host': 'evil.example' }],
        [{ csrf: own }, { Origin: gateway.origin.replace('http:', 'https:') }],
      ];
      for (const [token, headers] of tries) {
        const { status } = await client.postRaw(path, { ...fields, ...token }, headers);
        expect({ path, token, headers, status }).toEqual({ path, token, headers, status: 403 });
      }
    }
    expect(await state()).toEqual(before);
  });

  test('without an Origin at all, or of another content type: refused', async () => {
    const client = await signedIn(ADMIN);
    const body = new URLSearchParams({ csrf: await csrfOf(client), name: 'changed' }).toString();
    const cookie = [...client.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const send = (headers: Record<string, string>) =>
      fetch(`${gateway.origin}/portal/configuration/name`, {
        method: 'POST',
        headers: { Cookie: cookie, ...headers },
        body,
      });
    expect((await send({ 'Content-Type': 'application/x-www-form-urlencoded' })).status).toBe(403);
    expect((await send({ 'Content-Type': 'text/plain', Origin: gateway.origin })).status).toBe(415);
    expect((await send({ 'Content-Type': 'application/x-www-form-urlencoded', Origin: gateway.origin })).status).toBe(
      200,
    );
  });

  test('the sign-in form too needs its cookie and its token', async () => {
    const client = browser();
    const fields = { email: ADMIN, password: PASSWORD };
    expect((await client.postRaw('/portal/sign-in', { ...fields, csrf: 'a'.repeat(43) })).status).toBe(403);
    await client.get('/portal/sign-in');
    expect((await client.postRaw('/portal/sign-in', { ...fields, csrf: 'a'.repeat(43) })).status).toBe(403);
    expect(client.cookies.has('portal_session')).toBe(false);
  });
});

describe('sessions', () => {
  test('whoever is not signed in gets to no page and no form', async () => {
    for (const path of routes('GET', 'portal-session')) {
      const { status, location, text } = await browser().get(path);
      expect({ path, status, location, text }).toEqual({
        path,
        status: 303,
        location: path === '/portal' ? '/portal/sign-in' : `/portal/sign-in?return=${encodeURIComponent(path)}`,
        text: '',
      });
    }
    for (const path of routes('POST', 'portal-session')) {
      expect(await browser().postRaw(path, {})).toMatchObject({ status: 303, location: '/portal/sign-in' });
    }
  });

  test('an id that the browser brought along is not taken on, and the session it may name ends', async () => {
    const attacker = await signedIn(ATTACKER);
    const planted = attacker.cookies.get('portal_session')!;
    const client = browser();
    const token = tokenOf((await client.get('/portal/sign-in')).text);
    client.cookies.set('portal_session', planted);
    await client.postRaw('/portal/sign-in', { csrf: token, email: ADMIN, password: PASSWORD });
    expect(client.cookies.get('portal_session')).not.toBe(planted);
    expect((await client.get('/portal/profile')).text).toContain(ADMIN);
    expect((await attacker.get('/portal/profile')).status).toBe(303);
  });

  test.each<[string, (client: PortalClient) => Promise<unknown>]>([
    ['signing out', (client) => client.post('/portal/sign-out', {}, '/portal')],
    ['signing out everywhere', (client) => client.post('/portal/profile/sign-out-everywhere', {}, '/portal')],
    ['two hours without use', () => sql(`update portal_session set last_seen_at = now() - interval '121 minutes'`)],
    [
      'twelve hours',
      () => sql(`update portal_session set created_at = now() - interval '721 minutes', last_seen_at = now()`),
    ],
    ['the removal of its user', () => sql(`delete from portal_user where email = 'leaver@victim.example'`)],
  ])('a copied cookie is worth nothing after %s', async (_, end) => {
    await makePortalUser(gateway, 'victim', 'leaver@victim.example', 'viewer').catch(() => undefined);
    const client = await signedIn('leaver@victim.example');
    const thief = browser();
    thief.cookies.set('portal_session', client.cookies.get('portal_session')!);
    expect((await thief.get('/portal/profile')).status).toBe(200);
    await end(client);
    expect((await thief.get('/portal/profile')).status).toBe(303);
  });

  test('use keeps one alive, which is noted', async () => {
    const client = await signedIn(VIEWER);
    await sql(`update portal_session set last_seen_at = now() - interval '119 minutes' where email = $1`, [VIEWER]);
    expect((await client.get('/portal')).status).toBe(200);
    const seen = await sql(
      `select from portal_session where email = $1 and last_seen_at > now() - interval '1 minute'`,
      [VIEWER],
    );
    expect(seen.length).toBeGreaterThan(0);
  });

  test('a new password ends every other session, and this one goes on under a new id', async () => {
    await makePortalUser(gateway, 'victim', 'changer@victim.example', 'viewer');
    const [client, other] = [await signedIn('changer@victim.example'), await signedIn('changer@victim.example')];
    const before = client.cookies.get('portal_session')!;
    const changed = await client.post(
      '/portal/profile/password',
      { password: PASSWORD, new_password: 'three other words' },
      '/portal/profile',
    );
    expect(changed.status).toBe(303);
    expect(client.cookies.get('portal_session')).not.toBe(before);
    expect((await client.get('/portal/profile')).text).toContain('Your password is changed');
    expect((await other.get('/portal/profile')).status).toBe(303);
    other.cookies.set('portal_session', before);
    expect((await other.get('/portal/profile')).status).toBe(303);
  });

  test('cookies are out of reach for scripts and other sites; the database knows no id', async () => {
    const client = browser();
    const token = tokenOf((await client.get('/portal/sign-in')).text);
    const { headers } = await client.postRaw('/portal/sign-in', { csrf: token, email: ADMIN, password: PASSWORD });
    expect(headers.getSetCookie()).toEqual([
      expect.stringMatching(/^portal_session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax$/),
    ]);
    const rows = await sql<{ row: string }>(`select s::text as row from portal_session s`);
    const id = client.cookies.get('portal_session')!;
    const spellings = [id, Buffer.from(id).toString('hex'), Buffer.from(id, 'base64url').toString('hex')];
    expect(rows.filter(({ row }) => spellings.some((spelling) => row.includes(spelling)))).toEqual([]);
  });

  test('behind TLS they have the prefix that keeps neighbours from planting them', async () => {
    const secure = await startGateway({
      databaseUrl: gateway.databaseUrl,
      env: { PUBLIC_URL: 'https://portal.example' },
    });
    try {
      const { headers } = await new PortalClient(secure.origin).get('/portal/sign-in');
      expect(headers.getSetCookie()).toEqual([
        expect.stringMatching(/^__Host-portal_guest=[\w-]{43}; Path=\/; HttpOnly; Secure; SameSite=Lax$/),
      ]);
    } finally {
      await secure.close();
    }
  });
});

describe('roles', () => {
  test.each([VIEWER, STAFF])('%s changes nothing, and sees no secret, by any route', async (email) => {
    const client = await signedIn(email);
    if (email === STAFF) await client.post('/portal/accounts', { ats_id: 'victim' }, '/portal/accounts');
    const csrf = await csrfOf(client);
    const before = await state();
    const allowed = [
      ...OWN,
      '/portal/sign-in',
      '/portal/forgotten',
      '/portal/new-password',
      ...(email === STAFF ? ['/portal/accounts'] : []),
    ];
    for (const path of routes('POST').filter((post) => !allowed.includes(post))) {
      const { status } = await client.postRaw(path, {
        csrf,
        password: PASSWORD,
        email: ADMIN,
        name: 'x',
        role: 'admin',
        since: '2026-01-01T00:00:00.000Z',
      });
      expect({ path, status }).toEqual({ path, status: 403 });
    }
    for (const path of routes('GET', 'portal-session')) {
      const { status, text } = await client.get(path);
      expect({ path, status }).toEqual({ path, status: expect.any(Number) });
      expect(text).not.toContain(victim.incomingSecret);
      expect(text).not.toContain(victim.outgoingSecret);
      if (/secrets|api-key/.test(path)) expect({ path, status }).toEqual({ path, status: 403 });
    }
    expect(await state()).toEqual(before);
  });

  test('staff sees an account only after choosing it, and the account can read which pages', async () => {
    const client = await signedIn(STAFF);
    expect(await client.get('/portal/configuration')).toMatchObject({ status: 303, location: '/portal/accounts' });
    await client.post('/portal/accounts', { ats_id: 'victim' }, '/portal/accounts');
    expect((await client.get('/portal/configuration')).status).toBe(200);
    expect((await client.post('/portal/accounts', { ats_id: 'nobody' }, '/portal/accounts')).status).toBe(404);
    const log = (await (await signedIn(ADMIN)).get('/portal/audit-log')).text;
    expect(log).toContain('page: /portal/configuration');
    expect(log).toContain(STAFF);
  });

  test('an admin cannot choose an account as staff does, nor read the list of them', async () => {
    const client = await signedIn(ATTACKER);
    const csrf = await csrfOf(client);
    expect((await client.postRaw('/portal/accounts', { csrf, ats_id: 'victim' })).status).toBe(403);
    expect((await client.get('/portal/accounts')).status).toBe(403);
    await sql(`update portal_session set ats_id = 'victim' where email = $1`, [ATTACKER]);
    expect((await client.get('/portal/configuration')).text).not.toContain('victim');
  });

  test('another account’s people cannot be removed, un-invited or seen', async () => {
    const admin = await signedIn(ADMIN);
    await admin.post('/portal/users/invitations', { email: 'guest@victim.example', role: 'viewer' }, '/portal/users');
    const attacker = await signedIn(ATTACKER);
    const before = await state();
    const removal = await attacker.post('/portal/users/remove', { email: VIEWER }, '/portal/users');
    expect(removal.status).toBe(404);
    await attacker.post('/portal/users/invitations/revoke', { email: 'guest@victim.example' }, '/portal/users');
    for (const path of routes('GET', 'portal-session')) expect((await attacker.get(path)).text).not.toMatch(/victim/);
    expect(await state()).toEqual(before);
  });

  test('the last admin stays', async () => {
    const client = await signedIn(ATTACKER);
    const answer = await client.post('/portal/users/remove', { email: ATTACKER }, '/portal/users');
    expect(answer).toMatchObject({ status: 409, text: expect.stringContaining('The last admin') });
  });

  test('while an account is disabled, its admin is a viewer', async () => {
    await makeAccount(gateway, 'sleeper', null);
    await makePortalUser(gateway, 'sleeper', 'admin@sleeper.example');
    const client = await signedIn('admin@sleeper.example');
    await gateway.app.get(Accounts).setEnabled('sleeper', false, 'test');
    const answer = await client.post('/portal/configuration/name', { name: 'x' }, '/portal/profile');
    expect(answer).toMatchObject({ status: 403, text: expect.stringContaining('This account is disabled') });
    expect((await client.get('/portal/configuration')).text).toContain('This account is disabled');
  });
});

describe('what others wrote', () => {
  const XSS = `"><script>alert(1)</script><img src=x onerror=alert(1)>'`;
  /** As it would have to stand in a page to do harm. */
  const HARM = /<script>|<img /;

  test('is text wherever it is shown: names, URLs, answers, e-mails, searches', async () => {
    await makeAccount(gateway, 'scripted', null);
    await makePortalUser(gateway, 'scripted', `"onfocus=alert(1)"@scripted.example`);
    await sql(`update account set name = $1 where ats_id = 'scripted'`, [XSS]);
    await sql(`update endpoint set url = $1, disabled_at = now(), disabled_reason = $2 where ats_id = 'scripted'`, [
      `javascript:alert(1)//${XSS}`,
      XSS,
    ]);
    await sql(
      `insert into endpoint_check (ats_id, at, url, status_code, duration_ms, response_body) values ('scripted', now(), $1, 500, 1, $2)`,
      [`javascript:alert(1)//${XSS}`, XSS],
    );
    await sql(
      `insert into audit_entry (id, ats_id, actor, action, detail) values (uuidv7(), 'scripted', $1, $1, json_build_object($1::text, $1::text))`,
      [XSS],
    );
    await sql(
      `insert into delivery_attempt (id, ats_id, direction, event, number, outcome, error, duration_ms)
       values (uuidv7(), 'scripted', 'outgoing', $1, 1, 'error', $1, 1)`,
      [XSS],
    );
    const client = await signedIn(`"onfocus=alert(1)"@scripted.example`);
    const pages: Answer[] = [];
    for (const path of routes('GET', 'portal-session')) pages.push(await client.get(path));
    pages.push(await client.get(`/portal/audit-log?before=${encodeURIComponent(XSS)}`));
    pages.push(await client.post('/portal/configuration/name', { name: XSS.repeat(9) }, '/portal'));
    pages.push(await client.post('/portal/configuration/webhook-url', { webhook_url: `https://x/${XSS}` }, '/portal'));
    pages.push(await client.post('/portal/users/invitations', { email: XSS }, '/portal'));
    for (const wanted of ['send', 'preview']) {
      pages.push(
        await client.post('/portal/testing', { event: 'candidate.created', payload: XSS, do: wanted }, '/portal'),
      );
      pages.push(
        await client.post('/portal/testing', { event: XSS, sample: XSS, payload: '{}', do: wanted }, '/portal'),
      );
    }
    pages.push(await client.get(`/portal/testing?event=${encodeURIComponent(XSS)}&sample=${encodeURIComponent(XSS)}`));
    const staff = await signedIn(STAFF);
    pages.push(await staff.get(`/portal/accounts?q=${encodeURIComponent(XSS)}`), await staff.get('/portal/accounts'));
    pages.push(
      await browser().get(
        `/portal/sign-in?return=${encodeURIComponent(`/portal?${XSS}`)}&done=${encodeURIComponent(XSS)}`,
      ),
    );
    pages.push(await browser().signIn(XSS));
    expect(pages.filter(({ text }) => text.includes('alert(1)')).length).toBeGreaterThan(6);
    for (const { text } of pages) {
      expect(HARM.exec(text)).toBeNull();
      expect(text).not.toMatch(/(href|src|action)="javascript:/);
      expect(text).not.toMatch(/<[a-z]+[^>]*" ?onfocus=/);
    }
  });

  test('nothing inline, no frame, no cache, no referrer: on every page and every refusal', async () => {
    const client = await signedIn(ADMIN);
    const answers = [
      await browser().get('/portal/sign-in'),
      await client.get('/portal/nothing'),
      await client.postRaw('/portal/theme', {}),
      await client.post('/portal/testing', { payload: '{' }, '/portal/profile'),
    ];
    for (const path of routes('GET', 'portal-session')) answers.push(await client.get(path));
    for (const { headers, status, text } of answers.filter((answer) => answer.status !== 303)) {
      expect(headers.get('content-type')).toBe('text/html; charset=utf-8');
      expect(headers.get('cache-control')).toBe('no-store');
      expect(headers.get('content-security-policy')).toBe(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
      );
      expect(headers.get('referrer-policy')).toBe('same-origin');
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(status).toBeLessThan(500);
      expect(text).not.toMatch(/ style=|<style|<script>| on[a-z]+=/);
    }
  });

  test('assets are named by their content and kept for ever; any other name is unknown', async () => {
    const page = (await browser().get('/portal/sign-in')).text;
    const urls = [...page.matchAll(/(?:href|src)="(\/portal\/assets\/[^"]+)"/g)].map((match) => match[1]!);
    expect(urls).toHaveLength(3);
    for (const url of urls) {
      const { status, headers } = await browser().get(url);
      expect(status).toBe(200);
      expect(headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    }
    for (const name of ['portal.css', '..%2fportal.module.js', '%2e%2e%2f%2e%2e%2fpackage.json', 'constructor']) {
      expect((await browser().get(`/portal/assets/${name}`)).status).toBe(404);
    }
  });

  test.each([
    'https://evil.example',
    '//evil.example',
    '/\\evil.example',
    '/portal//evil.example/..',
    '/portal\\..\\..\\evil',
    '/portal/../v1/events',
    '/portal/%2e%2e/%2e%2e/x',
    '/portalevil',
    'javascript:alert(1)',
    '/portal\r\nSet-Cookie: portal_session=x',
    '/portal\u2028x',
    '/portal/sign-out',
    `/portal/${'x'.repeat(500)}`,
  ])('after signing in nobody is sent to %j', async (back) => {
    const { status, location, headers } = await browser().post('/portal/sign-in', {
      email: ADMIN,
      password: PASSWORD,
      return: back,
    });
    expect(status).toBe(303);
    const target = new URL(location!, gateway.origin);
    expect(target.origin).toBe(gateway.origin);
    expect(target.pathname).toMatch(/^\/portal(\/|$)/);
    expect(target.pathname).not.toContain('sign-out');
    expect(headers.getSetCookie()).toHaveLength(1);
  });

  test('a page within the portal is gone back to', async () => {
    const { location } = await browser().post('/portal/sign-in', {
      email: ADMIN,
      password: PASSWORD,
      return: '/portal/audit-log?before=1',
    });
    expect(location).toBe('/portal/audit-log?before=1');
  });
});

describe('secrets', () => {
  test('a rotation that is sent twice rotates once, and shows one key once', async () => {
    const client = await signedIn(ADMIN);
    const form = (await client.get('/portal/configuration/api-key')).text;
    const fields = {
      csrf: tokenOf(form),
      expected: /name="expected" value="([^"]*)"/.exec(form)![1]!,
      password: PASSWORD,
    };
    const answers = [
      await client.postRaw('/portal/configuration/api-key', fields),
      await client.postRaw('/portal/configuration/api-key', fields),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 409]);
    expect(answers[0]!.text).toMatch(/carv_[\w-]{43}/);
    const rotated = await sql(`select from audit_entry where ats_id = 'victim' and action = 'api_key.rotated'`);
    expect(rotated).toHaveLength(1);
  });

  test('none stands in the log: passwords, keys, secrets, ids of sessions and links', async () => {
    const lines: string[] = [];
    configureLogger(readEnv({ NODE_ENV: 'test', LOG_LEVEL: 'debug' }), { write: (line: string) => lines.push(line) });
    try {
      const client = await signedIn(ADMIN);
      const secrets = [
        PASSWORD,
        victim.incomingSecret,
        client.cookies.get('portal_session')!,
        client.cookies.get('portal_guest')!,
      ];
      await client.post(
        '/portal/configuration/secrets/incoming/show',
        { password: PASSWORD },
        '/portal/configuration/secrets/incoming/show',
      );
      const invited = await client.post(
        '/portal/users/invitations',
        { email: 'logged@victim.example', role: 'viewer' },
        '/portal/users',
      );
      const link = /\/portal\/link\/([\w-]{43})/.exec(invited.text)![1]!;
      await browser().get(`/portal/link/${link}`);
      const log = lines.join('\n');
      expect(log).toContain('/portal/link/:token');
      for (const secret of [...secrets, link]) expect(log).not.toContain(secret);
    } finally {
      configureLogger(readEnv({ NODE_ENV: 'test' }));
    }
  });

  test('a link is still in hand after a moment at which no password could be set', async () => {
    await makePortalUser(gateway, 'victim', 'patient@victim.example', 'viewer');
    const token = await gateway.app.get(PortalLinks).makeReset('patient@victim.example', 'test', 60);
    const client = browser();
    await client.get(`/portal/link/${token}`);
    const set = () => client.post('/portal/new-password', { new_password: 'quite some words' }, '/portal/new-password');
    let crowded = true;
    const crowd = Array.from({ length: 24 }, async () => {
      while (crowded) await gateway.app.get(Passwords).hash('x');
    });
    expect((await set()).status).toBe(503);
    crowded = false;
    await Promise.all(crowd);
    expect((await set()).status).toBe(303);
  });

  test('a link works once, by its token only, and never after it expired', async () => {
    const admin = await signedIn(ADMIN);
    const invite = async (email: string) => {
      const { text } = await admin.post('/portal/users/invitations', { email, role: 'viewer' }, '/portal/users');
      return /\/portal\/link\/([\w-]{43})/.exec(text)![1]!;
    };
    const accept = async (token: string) => {
      const client = browser();
      await client.get(`/portal/link/${token}`);
      return client.post('/portal/new-password', { new_password: 'quite some words' });
    };
    const token = await invite('once@victim.example');
    expect(await accept(token)).toMatchObject({ status: 303, location: '/portal/sign-in?done=password' });
    expect((await accept(token)).status).toBe(404);
    const expired = await invite('late@victim.example');
    await sql(`update portal_link set expires_at = now() where email = 'late@victim.example'`);
    expect((await accept(expired)).status).toBe(404);
    expect((await accept('a'.repeat(43))).status).toBe(404);
    // An e-mail belongs to one account: taking one over by an invitation is no way in.
    expect((await accept(await invite(ATTACKER))).status).toBe(404);
    expect(await sql(`select ats_id from portal_user where email = $1`, [ATTACKER])).toEqual([{ ats_id: 'attacker' }]);
  });
});
