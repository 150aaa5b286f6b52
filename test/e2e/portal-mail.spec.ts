import { Database, statement } from '../../src/database/database';
import { MailWorker } from '../../src/portal/mail/mail.worker';
import { Notices } from '../../src/portal/mail/notices.service';
import { makeAccount, startGateway, type Gateway } from '../support/gateway';
import { startMailServer, type MailServer } from '../support/mail-server';
import { makePortalUser, PASSWORD, PortalClient } from '../support/portal';
import { until } from '../support/until';

const EMAIL = 'ann@acme.example';

let gateway: Gateway;
let server: MailServer;
let addresses = 0;

beforeAll(async () => {
  server = await startMailServer();
  gateway = await startGateway({
    env: { TRUST_PROXY: '1', SMTP_URL: server.url, MAIL_FROM: 'Carv <no-reply@carv.example>' },
  });
});
beforeEach(async () => {
  server.mails.length = 0;
  server.busy = false;
  await sql('truncate account, portal_throttle, mail_message, dead_message cascade');
  await makeAccount(gateway, 'acme', null);
  await makePortalUser(gateway, 'acme', EMAIL);
});
afterAll(async () => {
  await gateway.close();
  await server.close();
});

const sql = <T extends object>(text: string, values: unknown[] = []): Promise<T[]> =>
  gateway.app.get(Database).query<T>(statement('', text), values);

const browser = () => new PortalClient(gateway.origin, `192.0.2.${++addresses}`);
const forgot = (email: string, client = browser()) => client.post('/portal/forgotten', { email });

async function mailed(count = 1): Promise<MailServer['mails']> {
  await until(`${count} mails`, () => {
    gateway.app.get(MailWorker).tick();
    return server.mails.length >= count;
  });
  return server.mails;
}

async function queueEmpty(): Promise<void> {
  await until('the queue to be empty', async () => {
    gateway.app.get(MailWorker).tick();
    return (await sql('select from mail_message')).length === 0;
  });
}

const pathOf = (text: string) => /\/portal\/link\/[\w-]{43}/.exec(text)![0];

test('a forgotten password is set anew by a mailed link, once, and every session of it ends', async () => {
  const signedIn = browser();
  await signedIn.signIn(EMAIL);
  expect((await forgot(` ${EMAIL.toUpperCase()} `)).text).toContain('a link is on its way');
  const [mail] = await mailed();
  expect(mail).toMatchObject({ to: EMAIL, subject: 'Set a new password for Carv integrations' });
  const client = browser();
  expect(await client.get(pathOf(mail!.text))).toMatchObject({ status: 303, location: '/portal/new-password' });
  expect((await client.post('/portal/new-password', { new_password: 'short' })).status).toBe(422);
  expect((await client.post('/portal/new-password', { new_password: 'three other words' })).status).toBe(303);
  expect((await signedIn.get('/portal')).status).toBe(303);
  expect((await browser().signIn(EMAIL)).status).toBe(422);
  expect((await browser().signIn(EMAIL, 'three other words')).status).toBe(303);
  const again = browser();
  await again.get(pathOf(mail!.text));
  expect((await again.get('/portal/new-password')).status).toBe(404);
});

test('for an e-mail that nobody has, the answer and what is stored are the same, and no mail is sent', async () => {
  const known = await forgot(EMAIL);
  const unknown = await forgot('nobody@acme.example');
  expect(unknown.text).toBe(known.text);
  await queueEmpty();
  expect(server.mails.map(({ to }) => to)).toEqual([EMAIL]);
});

test('nobody’s mailbox is filled: three mails an hour', async () => {
  const statuses: number[] = [];
  for (let n = 0; n < 4; n++) statuses.push((await forgot(EMAIL)).status);
  expect(statuses).toEqual([200, 200, 200, 429]);
});

test('no link stands in the database while its mail waits, and a busy mail server loses none', async () => {
  server.busy = true;
  await forgot(EMAIL);
  await until('a try', async () => {
    gateway.app.get(MailWorker).tick();
    return (await sql('select from mail_message where attempt = 1 and available_at > now()')).length === 1;
  });
  const [row] = await sql<{ text: string }>('select m::text as text from mail_message m');
  expect(row!.text).not.toMatch(/[\w-]{43}/);
  server.busy = false;
  await sql('update mail_message set available_at = now()');
  expect(await mailed()).toHaveLength(1);
  await queueEmpty();
});

test('the end of a gateway waits for the mail that is being sent alone; somebody else may send the others at once', async () => {
  const other = await startGateway({ env: { SMTP_URL: server.url, MAIL_FROM: 'Carv <no-reply@carv.example>' } });
  const worker = other.app.get(MailWorker);
  const query = (text: string) => other.app.get(Database).query(statement('', text));
  let ended: Promise<void> | undefined;
  server.onMail = () => {
    ended ??= worker.beforeApplicationShutdown();
  };
  await query(
    `insert into mail_message (kind, email, data) select 'notice', 'ann@acme.example', '{}' from generate_series(1, 5)`,
  );
  worker.tick();
  await until('the first mail', () => ended !== undefined);
  await ended;
  server.onMail = undefined;
  expect(server.mails).toHaveLength(1);
  expect(await query('select from mail_message where leased_until <= now()')).toHaveLength(4);
  await other.close();
});

test('an invitation is mailed, and one that was revoked meanwhile is not', async () => {
  const admin = browser();
  await admin.signIn(EMAIL);
  server.busy = true;
  for (const email of ['new@acme.example', 'unwanted@acme.example']) {
    const invited = await admin.post('/portal/users/invitations', { email, role: 'admin' }, '/portal/users');
    expect(invited).toMatchObject({ status: 303, location: '/portal/users' });
  }
  await admin.post('/portal/users/invitations/revoke', { email: 'unwanted@acme.example' }, '/portal/users');
  server.busy = false;
  await sql(`update mail_message set available_at = now(), leased_until = '-infinity'`);
  await queueEmpty();
  expect(server.mails.map(({ to }) => to)).toEqual(['new@acme.example']);
  const client = browser();
  await client.get(pathOf(server.mails[0]!.text));
  expect((await client.post('/portal/new-password', { new_password: PASSWORD })).status).toBe(303);
  expect((await browser().signIn('new@acme.example')).status).toBe(303);
});

describe('notices', () => {
  const disable = () =>
    sql(
      `update endpoint set disabled_at = now(), disabled_reason = 'The endpoint answered 410 Gone' where ats_id = 'acme'`,
    );
  const die = () =>
    sql(
      `insert into dead_message (reference_id, ats_id, entity_key, failures, state) values (uuidv7(), 'acme', 'k', 12, 'dead')`,
    );
  const look = () => gateway.app.get(Notices).look();
  const anHourPasses = () =>
    sql(`with told as (update account_notice set sent_at = sent_at - interval '61 minutes'),
              dead as (update dead_message set at = at - interval '61 minutes')
         update endpoint set disabled_at = disabled_at - interval '61 minutes'`);

  test('its admins are told of a disabled endpoint and of what died, at most once an hour', async () => {
    await makePortalUser(gateway, 'acme', 'viewer@acme.example', 'viewer');
    expect(await look()).toEqual([]);
    await disable();
    await die();
    expect((await Promise.all([look(), look(), look()])).flat()).toEqual(['acme']);
    await die();
    expect(await look()).toEqual([]);
    const [mail] = await mailed();
    expect(mail).toMatchObject({ to: EMAIL, subject: 'Your integration needs attention: acme' });
    expect(mail!.text).toContain('The endpoint is disabled: The endpoint answered 410 Gone');
    expect(mail!.text).toContain('One result was given up');
    await anHourPasses();
    await die();
    expect(await look()).toEqual(['acme']);
    expect(await mailed(2)).toHaveLength(2);
    expect(server.mails[1]!.text).not.toContain('disabled');
  });

  test('of a breaker that has been open for an hour, once for each opening', async () => {
    const open = (ago: string) =>
      sql(
        `update endpoint set breaker_opened_at = now() - $1::interval, breaker_pause_ms = 600000 where ats_id = 'acme'`,
        [ago],
      );
    await open('59 minutes');
    expect(await look()).toEqual([]);
    await open('61 minutes');
    expect(await look()).toEqual(['acme']);
    await anHourPasses();
    expect(await look()).toEqual([]);
    await open('70 minutes');
    expect(await look()).toEqual(['acme']);
    expect((await mailed(2))[0]!.text).toContain('No delivery has arrived since');
  });

  test('a name with line breaks adds no header', async () => {
    await sql(`update account set name = E'x\\r\\nBcc: all@evil.example' where ats_id = 'acme'`);
    await disable();
    await look();
    const [mail] = await mailed();
    expect(mail!.subject).toBe('Your integration needs attention: x  Bcc: all@evil.example');
    expect(server.mails.map(({ to }) => to)).toEqual([EMAIL]);
  });
});
