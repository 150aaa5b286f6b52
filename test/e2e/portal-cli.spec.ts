import { userCommands } from '../../src/cli/user.command';
import { makeAccount, startGateway, type Gateway } from '../support/gateway';
import { makePortalUser, PortalClient } from '../support/portal';

let gateway: Gateway;

beforeAll(async () => {
  gateway = await startGateway();
  await makeAccount(gateway, 'acme', null);
  await makePortalUser(gateway, 'acme', 'ann@acme.example');
});
afterAll(() => gateway.close());

const run = (command: string, options: Record<string, string>) => userCommands[command]!.run(gateway.app, options, '');

async function openLink(link: unknown, password: string): Promise<number> {
  const client = new PortalClient(gateway.origin);
  await client.get(new URL(String(link)).pathname);
  return (await client.post('/portal/new-password', { new_password: password })).status;
}

const signIn = async (email: string, password: string) =>
  (await new PortalClient(gateway.origin).signIn(email, password)).status;

test('where no mail is sent, an operator makes the link for a new password', async () => {
  const { link } = await run('user reset-link', { email: ' Ann@acme.example ' });
  expect(await openLink(link, 'three other words')).toBe(303);
  expect(await signIn('ann@acme.example', 'three other words')).toBe(303);
  expect(await openLink(link, 'some more words')).toBe(404);
  expect((await new PortalClient(gateway.origin).get('/portal/forgotten')).status).toBe(404);
});

test('an operator invites the first user of an account', async () => {
  const made = await run('user invite', { 'ats-id': 'acme', email: 'bob@acme.example', role: 'admin' });
  expect(made).toMatchObject({ ats_id: 'acme', email: 'bob@acme.example', role: 'admin' });
  expect(await openLink(made.link, 'three plain words')).toBe(303);
  expect(await signIn('bob@acme.example', 'three plain words')).toBe(303);
});

test('staff is made and removed here only, and its sessions end with it', async () => {
  const { email, password } = await run('staff create', { email: 'sam@carv.example' });
  const client = new PortalClient(gateway.origin);
  expect((await client.signIn(String(email), String(password))).status).toBe(303);
  expect((await client.get('/portal/accounts')).text).toContain('acme');
  await run('staff remove', { email: 'sam@carv.example' });
  expect((await client.get('/portal/accounts')).status).toBe(303);
});

test('what cannot be done says why', async () => {
  await expect(run('user reset-link', { email: 'nobody@acme.example' })).rejects.toThrow('Nobody signs in');
  await expect(run('user reset-link', { email: 'nonsense' })).rejects.toThrow('--email is an e-mail address');
  await expect(run('user invite', { 'ats-id': 'nobody', email: 'a@b.example' })).rejects.toThrow('no account');
  await expect(run('user invite', { 'ats-id': 'acme', email: 'a@b.example', role: 'staff' })).rejects.toThrow('--role');
  await expect(run('user invite', { 'ats-id': 'acme', email: 'bob@acme.example' })).rejects.toThrow('is a user');
  await expect(run('staff create', { email: 'ann@acme.example' })).rejects.toThrow('has a sign-in already');
  await expect(run('staff remove', { email: 'ann@acme.example' })).rejects.toThrow('No member of the staff');
});
