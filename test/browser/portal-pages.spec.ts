import type { Browser, BrowserContext, Page } from 'playwright-core';
import { Database, statement } from '../../src/database/database';
import { inspect, launchBrowser, watchFaults } from '../support/browser';
import { describeInBrowser } from '../support/chromium';
import { call, makeAccount, startGateway, type Gateway, type TestAccount } from '../support/gateway';
import { makePortalUser, PASSWORD } from '../support/portal';
import { startReceiver, type Receiver } from '../support/receiver';

const ADMIN = 'ann.admin@acme.example';
const VIEWER = 'vic.viewer@acme.example';
const STAFF = 'sam.staff@carv.example';

describeInBrowser('the pages of the portal', () => {
  let gateway: Gateway;
  let receiver: Receiver;
  let account: TestAccount;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let faults: string[];

  beforeAll(async () => {
    gateway = await startGateway();
    receiver = await startReceiver(() => account.outgoingSecret);
    account = await makeAccount(gateway, 'acme', receiver.url);
    await makePortalUser(gateway, 'acme', ADMIN);
    await makePortalUser(gateway, 'acme', VIEWER, 'viewer');
    await makePortalUser(gateway, null, STAFF, 'staff');
    browser = await launchBrowser();
  });
  beforeEach(async () => {
    receiver.script = () => 200;
    context = await browser.newContext();
    page = await context.newPage();
    faults = watchFaults(page);
  });
  afterEach(async () => {
    await context.close();
    expect(faults).toEqual([]);
  });
  afterAll(async () => {
    await browser.close();
    await gateway.close();
    await receiver.close();
  });

  const heading = (name: string) => page.getByRole('heading', { name, exact: true, level: 1 }).waitFor();
  const button = (name: string) => page.getByRole('button', { name, exact: true });

  async function signIn(email: string, password = PASSWORD, on = page): Promise<void> {
    await on.goto(`${gateway.origin}/portal/sign-in`);
    await on.getByLabel('E-mail').fill(email);
    await on.getByLabel('Password').fill(password);
    await on.getByRole('button', { name: 'Sign in', exact: true }).click();
  }

  async function go(name: string): Promise<void> {
    await page.getByRole('navigation').getByRole('link', { name, exact: true }).click();
    await heading(name);
  }

  test('My Configuration: a URL is saved with its ping; a failing one is saved too, and the warning stays', async () => {
    await signIn(ADMIN);
    await go('My Configuration');
    await inspect(page, 'my-configuration');
    expect(await page.getByRole('link', { name: 'My Configuration' }).getAttribute('aria-current')).toBe('page');

    receiver.script = () => 500;
    await page.getByLabel('Webhook URL').fill(`${receiver.url}/new`);
    await button('Save and send a ping').click();
    await page.getByText('The webhook URL is saved, but the ping failed').waitFor();
    await inspect(page, 'my-configuration-failing');
    await go('Overview');
    await page.getByText('The last ping to this URL failed.').waitFor();
    expect(receiver.deliveries.at(-1)).toMatchObject({
      verified: true,
      headers: { 'x-carvos-test': 'true', 'x-carv-event': 'ping' },
    });

    receiver.script = () => 200;
    await go('My Configuration');
    await button('Only send a ping').click();
    await page.getByText('Your endpoint took the ping.').waitFor();
    expect(await page.getByText('The last ping to this URL failed.').count()).toBe(0);
  });

  test('My Configuration: what may not be called is not saved, and the field says why', async () => {
    await signIn(ADMIN);
    await go('My Configuration');
    await page.getByLabel('Webhook URL').fill('http://169.254.169.254/latest');
    await button('Save and send a ping').click();
    await page.getByText('Not saved. This address is not reachable from the gateway').waitFor();
    expect(await page.getByLabel('Webhook URL').getAttribute('aria-invalid')).toBe('true');
  });

  test('the API key is rotated: shown once, and the old one is refused', async () => {
    await signIn(ADMIN);
    await go('My Configuration');
    await page.getByRole('link', { name: 'Rotate the API key' }).click();
    await heading('Rotate the API key');
    await inspect(page, 'rotate-api-key');
    await page.getByLabel('Your password').fill('not this');
    await button('Rotate the API key').click();
    await page.getByText('The password is wrong.').waitFor();
    await page.getByLabel('Your password').fill(PASSWORD);
    await button('Rotate the API key').click();
    await heading('Your new API key');
    const key = (await page.locator('#secret').textContent()) ?? '';
    await page.evaluate(() => (document.getElementById('secret')!.textContent = 'carv_shown-once-and-only-here'));
    await inspect(page, 'new-api-key');
    expect((await call(gateway, account, '/v1/candidates')).status).toBe(401);
    expect((await call(gateway, { apiKey: key }, '/v1/candidates')).status).toBe(200);
    await page.getByRole('link', { name: 'Done' }).click();
    expect(await page.content()).not.toContain(key);
  });

  test('secrets are shown after the password, copied by a button, and rotated', async () => {
    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
    await signIn(ADMIN);
    await go('My Configuration');
    await page.getByRole('link', { name: 'Show the outgoing secret' }).click();
    await page.getByLabel('Your password').fill(PASSWORD);
    await button('Show the secret').click();
    await page.getByRole('button', { name: 'Copy outgoing secret' }).click();
    await page.getByText('Copied').waitFor();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(account.outgoingSecret);

    await go('My Configuration');
    await page.getByRole('link', { name: 'Rotate the incoming secret' }).click();
    await heading('Rotate the incoming secret');
    await inspect(page, 'rotate-secret');
    await page.getByLabel('It may be known to others').check();
    await page.getByLabel('Your password').fill(PASSWORD);
    await button('Rotate the secret').click();
    expect(await page.locator('#secret').textContent()).toMatch(/^whsec_/);
    await go('Audit log');
    await page.getByText('Incoming secret rotated').waitFor();
    await inspect(page, 'audit-log');
  });

  test('a disabled endpoint says why, and is resumed by a button', async () => {
    const disable = `update endpoint set disabled_at = now(), disabled_reason = 'The endpoint answered 410 Gone' where ats_id = 'acme'`;
    await gateway.app.get(Database).query(statement('', disable));
    await signIn(ADMIN);
    await go('My Configuration');
    await page.getByText('The endpoint answered 410 Gone').first().waitFor();
    await inspect(page, 'my-configuration-disabled');
    await button('Resume deliveries').click();
    await page.getByText('Deliveries are resumed').waitFor();
    await page.getByText('Healthy').waitFor();
  });

  test('a viewer sees the same without secrets and without a form that changes anything', async () => {
    await signIn(VIEWER);
    for (const name of ['My Configuration', 'Users', 'Audit log']) {
      await go(name);
      expect(await page.locator('main form, main a[href*="secrets"], main a[href*="api-key"]').count()).toBe(0);
    }
  });

  test('users: somebody is invited by a link, chooses a password, signs in, and is removed', async () => {
    await signIn(ADMIN);
    await go('Users');
    await page.getByLabel('E-mail').fill('new.user@acme.example');
    await button('Invite').click();
    await heading('Pass this link on');
    const link = (await page.locator('#secret').textContent()) ?? '';
    await page.getByRole('link', { name: 'Done' }).click();
    await inspect(page, 'users');

    const elsewhere = await browser.newContext();
    const guest = await elsewhere.newPage();
    await guest.goto(link);
    await guest.getByRole('heading', { name: 'Welcome' }).waitFor();
    expect(guest.url()).toBe(`${gateway.origin}/portal/new-password`);
    await inspect(guest, 'new-password');
    await guest.getByLabel('Choose a password').fill('three plain words');
    await guest.getByRole('button', { name: 'Save password' }).click();
    await guest.getByText('Your password is saved.').waitFor();
    await guest.getByLabel('E-mail').fill('new.user@acme.example');
    await guest.getByLabel('Password').fill('three plain words');
    await guest.getByRole('button', { name: 'Sign in' }).click();
    await guest.getByRole('heading', { name: 'Overview' }).waitFor();

    await page.reload();
    await page.getByText('Remove new.user@acme.example').click();
    await page.getByRole('row', { name: 'new.user' }).getByRole('button', { name: 'Yes, remove and sign out' }).click();
    await page.getByText('The user is removed').waitFor();
    await guest.reload();
    await guest.getByRole('heading', { name: 'Sign in' }).waitFor();
    await elsewhere.close();
  });

  test('the password is changed, and every other session ends', async () => {
    await makePortalUser(gateway, 'acme', 'pat@acme.example', 'viewer');
    const elsewhere = await browser.newContext();
    const other = await elsewhere.newPage();
    await signIn('pat@acme.example', PASSWORD, other);
    await other.getByRole('heading', { name: 'Overview' }).waitFor();
    await signIn('pat@acme.example');
    await go('Profile');
    await inspect(page, 'profile');
    await page.getByLabel('Your password').fill(PASSWORD);
    await page.getByLabel('New password').fill('another set of words');
    await button('Change password').click();
    await page.getByText('Your password is changed').waitFor();
    await other.goto(`${gateway.origin}/portal`);
    await other.getByRole('heading', { name: 'Sign in' }).waitFor();
    await button('Sign out everywhere').click();
    await page.getByText('You are signed out everywhere.').waitFor();
    await signIn('pat@acme.example', 'another set of words');
    await heading('Overview');
    await elsewhere.close();
  });

  test('staff chooses an account, is told so, changes nothing, and leaves its mark in the audit log', async () => {
    await signIn(STAFF);
    await heading('Accounts');
    await inspect(page, 'staff-accounts');
    await button('Look at acme').click();
    await heading('Overview');
    await go('My Configuration');
    expect(await page.locator('main form').count()).toBe(0);
    await go('Audit log');
    await page.getByText('page: /portal/configuration').first().waitFor();
    await inspect(page, 'staff-audit-log');
  });

  test('an address that is nothing says so, and leads back', async () => {
    await signIn(VIEWER);
    await page.goto(`${gateway.origin}/portal/nothing/here`);
    await heading('Page not found');
    await inspect(page, 'not-found');
    await page.getByRole('link', { name: 'Go to the first page' }).click();
    await heading('Overview');
  });
});
