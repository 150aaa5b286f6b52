import { inspect } from '../support/browser';
import { describeInBrowser } from '../support/chromium';
import { call } from '../support/gateway';
import { makePortalUser, PASSWORD } from '../support/portal';
import { openPortalAccount, type PortalAccount } from '../support/portal-account';
import { button, go, heading, signIn, submitSignIn, visitors } from '../support/portal-browser';

const ADMIN = 'admin@acme.example';
const VIEWER = 'vic.viewer@acme.example';
const STAFF = 'sam.staff@carv.example';

describeInBrowser('the pages of the portal', () => {
  let portal: PortalAccount;
  const { visitor, signedIn } = visitors(() => portal.gateway.origin);

  beforeAll(async () => {
    portal = await openPortalAccount({});
    await makePortalUser(portal.gateway, 'acme', VIEWER, 'viewer');
    await makePortalUser(portal.gateway, null, STAFF, 'staff');
  });
  beforeEach(() => portal.reset());
  afterAll(() => portal.close());

  test('My Configuration: a URL is saved with its ping; a failing one is saved too, and the warning stays', async () => {
    const page = await signedIn(ADMIN);
    await go(page, 'My Configuration');
    await inspect(page, 'my-configuration');
    expect(await page.getByRole('link', { name: 'My Configuration' }).getAttribute('aria-current')).toBe('page');

    portal.receiver.script = () => 500;
    await page.getByLabel('Webhook URL').fill(`${portal.receiver.url}/new`);
    await button(page, 'Save and send a ping').click();
    await page.getByText('The webhook URL is saved, but the ping failed').waitFor();
    await inspect(page, 'my-configuration-failing');
    await go(page, 'Overview');
    await page.getByText('The last ping to this URL failed.').waitFor();
    expect(portal.receiver.deliveries.at(-1)).toMatchObject({
      verified: true,
      headers: { 'x-carvos-test': 'true', 'x-carv-event': 'ping' },
    });

    portal.receiver.script = () => 200;
    await go(page, 'My Configuration');
    await button(page, 'Only send a ping').click();
    await page.getByText('Your endpoint took the ping.').waitFor();
    expect(await page.getByText('The last ping to this URL failed.').count()).toBe(0);
  });

  test('My Configuration: what may not be called is not saved, and the field says why', async () => {
    const page = await signedIn(ADMIN);
    await go(page, 'My Configuration');
    await page.getByLabel('Webhook URL').fill('http://169.254.169.254/latest');
    await button(page, 'Save and send a ping').click();
    await page.getByText('Not saved. This address is not reachable from the gateway').waitFor();
    expect(await page.getByLabel('Webhook URL').getAttribute('aria-invalid')).toBe('true');
  });

  test('the API key is rotated: shown once, and the old one is refused', async () => {
    const page = await signedIn(ADMIN);
    await go(page, 'My Configuration');
    await page.getByRole('link', { name: 'Rotate the API key' }).click();
    await heading(page, 'Rotate the API key');
    await inspect(page, 'rotate-api-key');
    await page.getByLabel('Your password').fill('not this');
    await button(page, 'Rotate the API key').click();
    await page.getByText('The password is wrong.').waitFor();
    await page.getByLabel('Your password').fill(PASSWORD);
    await button(page, 'Rotate the API key').click();
    await heading(page, 'Your new API key');
    const key = (await page.locator('#secret').textContent()) ?? '';
    await page.evaluate(() => (document.getElementById('secret')!.textContent = 'carv_shown-once-and-only-here'));
    await inspect(page, 'new-api-key');
    const statusWith = async (apiKey: string) =>
      (await call(portal.gateway, { apiKey }, '/v1/candidates', { clientId: 'client-of-acme' })).status;
    expect([await statusWith(portal.account.apiKey), await statusWith(key)]).toEqual([401, 200]);
    await page.getByRole('link', { name: 'Done' }).click();
    expect(await page.content()).not.toContain(key);
  });

  test('secrets are shown after the password, copied by a button, and rotated', async () => {
    const page = await signedIn(ADMIN, { permissions: ['clipboard-read', 'clipboard-write'] });
    await go(page, 'My Configuration');
    await page.getByRole('link', { name: 'Show the outgoing secret' }).click();
    await page.getByLabel('Your password').fill(PASSWORD);
    await button(page, 'Show the secret').click();
    await page.getByRole('button', { name: 'Copy outgoing secret' }).click();
    await page.getByText('Copied').waitFor();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(portal.account.outgoingSecret);

    await go(page, 'My Configuration');
    await page.getByRole('link', { name: 'Rotate the incoming secret' }).click();
    await heading(page, 'Rotate the incoming secret');
    await inspect(page, 'rotate-secret');
    await page.getByLabel('It may be known to others').check();
    await page.getByLabel('Your password').fill(PASSWORD);
    await button(page, 'Rotate the secret').click();
    expect(await page.locator('#secret').textContent()).toMatch(/^whsec_/);
    await go(page, 'Audit log');
    await page.getByText('Incoming secret rotated').waitFor();
    await inspect(page, 'audit-log');
  });

  test('a disabled endpoint says why, and is resumed by a button', async () => {
    await portal.sql(`update endpoint set disabled_at = now(), disabled_reason = 'The endpoint answered 410 Gone'`);
    const page = await signedIn(ADMIN);
    await go(page, 'My Configuration');
    await page.getByText('The endpoint answered 410 Gone').first().waitFor();
    await inspect(page, 'my-configuration-disabled');
    await button(page, 'Resume deliveries').click();
    await page.getByText('Deliveries are resumed').waitFor();
    await page.getByText('Healthy').waitFor();
  });

  test('a viewer sees the same without secrets and without a form that changes anything', async () => {
    const page = await signedIn(VIEWER);
    for (const name of ['My Configuration', 'Users', 'Audit log']) {
      await go(page, name);
      expect(await page.locator('main form, main a[href*="secrets"], main a[href*="api-key"]').count()).toBe(0);
    }
  });

  test('users: somebody is invited by a link, chooses a password, signs in, and is removed', async () => {
    const page = await signedIn(ADMIN);
    await go(page, 'Users');
    await page.getByLabel('E-mail').fill('new.user@acme.example');
    await button(page, 'Invite').click();
    await heading(page, 'Pass this link on');
    const link = (await page.locator('#secret').textContent()) ?? '';
    await page.getByRole('link', { name: 'Done' }).click();
    await inspect(page, 'users');

    const guest = await visitor();
    await guest.goto(link);
    await heading(guest, 'Welcome');
    expect(guest.url()).toBe(`${portal.gateway.origin}/portal/new-password`);
    await inspect(guest, 'new-password');
    await guest.getByLabel('Choose a password').fill('three plain words');
    await button(guest, 'Save password').click();
    await guest.getByText('Your password is saved.').waitFor();
    await submitSignIn(guest, 'new.user@acme.example', 'three plain words');
    await heading(guest, 'Overview');

    await page.reload();
    await page.getByText('Remove new.user@acme.example').click();
    await page.getByRole('row', { name: 'new.user' }).getByRole('button', { name: 'Yes, remove and sign out' }).click();
    await page.getByText('The user is removed').waitFor();
    await guest.reload();
    await heading(guest, 'Sign in');
  });

  test('the password is changed, and every other session ends', async () => {
    await makePortalUser(portal.gateway, 'acme', 'pat@acme.example', 'viewer');
    const other = await signedIn('pat@acme.example');
    const page = await signedIn('pat@acme.example');
    await go(page, 'Profile');
    await inspect(page, 'profile');
    await page.getByLabel('Your password').fill(PASSWORD);
    await page.getByLabel('New password').fill('another set of words');
    await button(page, 'Change password').click();
    await page.getByText('Your password is changed').waitFor();
    await other.goto('/portal');
    await heading(other, 'Sign in');
    await button(page, 'Sign out everywhere').click();
    await page.getByText('You are signed out everywhere.').waitFor();
    await signIn(page, 'pat@acme.example', 'another set of words');
    await heading(page, 'Overview');
  });

  test('staff chooses an account, is told so, changes nothing, and leaves its mark in the audit log', async () => {
    const page = await signedIn(STAFF);
    await heading(page, 'Accounts');
    await inspect(page, 'staff-accounts');
    await button(page, 'Look at acme').click();
    await heading(page, 'Overview');
    await go(page, 'My Configuration');
    expect(await page.locator('main form').count()).toBe(0);
    await go(page, 'Audit log');
    await page.getByText('page: /portal/configuration').first().waitFor();
    await inspect(page, 'staff-audit-log');
  });

  test('an address that is nothing says so, and leads back', async () => {
    const page = await signedIn(VIEWER);
    await page.goto('/portal/nothing/here');
    await heading(page, 'Page not found');
    await inspect(page, 'not-found');
    await page.getByRole('link', { name: 'Go to the first page' }).click();
    await heading(page, 'Overview');
  });
});
