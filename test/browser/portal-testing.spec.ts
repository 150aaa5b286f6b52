import type { Page } from 'playwright-core';
import { Accounts } from '../../src/accounts/accounts.service';
import { inspect } from '../support/browser';
import { describeInBrowser } from '../support/chromium';
import { makePortalUser } from '../support/portal';
import { openPortalAccount, type PortalAccount } from '../support/portal-account';
import { button, go, visitors } from '../support/portal-browser';
import { until } from '../support/until';

const ADMIN = 'admin@acme.example';
const VIEWER = 'vic.viewer@acme.example';

describeInBrowser('Webhook Testing', () => {
  let portal: PortalAccount;
  const { signedIn } = visitors(() => portal.gateway.origin);
  let page: Page;

  beforeAll(async () => {
    portal = await openPortalAccount({});
    await makePortalUser(portal.gateway, 'acme', VIEWER, 'viewer');
  });
  beforeEach(() => portal.reset());
  afterAll(() => portal.close());

  const editor = () => page.getByLabel('JSON', { exact: true });
  const edit = async (change: (text: string) => string) => editor().fill(change(await editor().inputValue()));

  async function open(email = ADMIN, options = {}): Promise<void> {
    page = await signedIn(email, options);
    await go(page, 'Webhook Testing');
  }

  async function load(event: string, sample = 'a success'): Promise<void> {
    await page.getByLabel('Event', { exact: true }).selectOption(event);
    await page.getByLabel('Sample of').selectOption(sample);
    await button(page, 'Load sample').click();
    await page.waitForURL(`**/portal/testing?event=${event}**`);
  }

  test('an event is chosen, edited, mended, looked at and sent, and its result is shown', async () => {
    await open();
    await inspect(page, 'webhook-testing');
    await load('application.created');
    expect(await editor().inputValue()).toContain('"event": "application.created"');
    await page.getByText('View schema').click();
    await page.getByText('"https://json-schema.org/draft/2020-12/schema"').waitFor();

    await edit((text) => text.replace('"score": 82', '"score": "high"').replace('"application-7"', '"my-application"'));
    await button(page, 'Send test').click();
    await page.getByText('data.score must be a whole number or null').waitFor();
    expect(await editor().getAttribute('aria-invalid')).toBe('true');
    await inspect(page, 'webhook-testing-fault');
    expect(portal.receiver.deliveries).toEqual([]);

    await edit((text) => text.replace('"high"', '100'));
    await button(page, 'Preview').click();
    await page.getByText('X-CarvOS-Test: true').waitFor();
    await inspect(page, 'webhook-testing-preview');
    expect(portal.receiver.deliveries).toEqual([]);

    portal.receiver.script = (_, response) =>
      void response.writeHead(200, { 'Content-Type': 'application/json' }).end('{"stored":true}');
    await button(page, 'Send test').click();
    await page.getByText('A real event would count as delivered.').waitFor();
    await page.getByText('{"stored":true}').waitFor();
    await inspect(page, 'webhook-testing-result');
    expect(portal.receiver.deliveries).toHaveLength(1);
    expect(portal.receiver.deliveries[0]).toMatchObject({
      verified: true,
      headers: { 'x-carvos-test': 'true' },
      body: { data: { application_id: 'my-application', score: 100 } },
    });
    const [row] = await portal.sql<{ id: string }>('select id from delivery_attempt where test');
    const link = page.getByRole('link', { name: 'This test in Webhook Deliveries' });
    expect(await link.getAttribute('href')).toBe(`/portal/deliveries/${row!.id}`);
  });

  test('an endpoint that refuses the signature: what it means, and how to find out why', async () => {
    portal.receiver.script = (_, response) =>
      void response.writeHead(401, { 'Content-Type': 'text/plain' }).end('Bad signature\n');
    await open();
    await load('candidate.deleted', 'an error');
    await button(page, 'Send test').click();
    await page.getByText('It answered 401 Unauthorized.').waitFor();
    await page.getByText('If it could not verify the signature').waitFor();
    await inspect(page, 'webhook-testing-refused');
  });

  test('while an endpoint takes its time the button says so, and a second click sends no second test', async () => {
    let answer: (() => void) | undefined;
    portal.receiver.script = (_, response) => void (answer = () => response.end());
    await open();
    const labels: string[] = [];
    await page.exposeFunction('note', (label: string) => labels.push(label));
    await page.evaluate(() => {
      const send = document.querySelector('[value=send]')!;
      const { note } = window as unknown as { note: (label: string | null) => void };
      new MutationObserver(() => note(send.textContent)).observe(send, { childList: true });
    });
    await button(page, 'Send test').dblclick({ noWaitAfter: true });
    await until('the test to arrive', () => answer !== undefined);
    await until('the button to say so', () => labels.includes('Sending…'));
    answer!();
    await page.getByText('A real event would count as delivered.').waitFor();
    expect(portal.receiver.deliveries).toHaveLength(1);
  });

  test('typing is checked, formatted on request, and not lost without being asked', async () => {
    await open();
    await editor().fill('{"a":[1,2],');
    await page.getByText('Not valid JSON').waitFor();
    await editor().fill('{"a":[1,2]}');
    await page.getByText('Valid JSON.').waitFor();
    await button(page, 'Format').click();
    expect(await editor().inputValue()).toBe('{\n  "a": [\n    1,\n    2\n  ]\n}');

    const asked: string[] = [];
    page.once('dialog', (dialog) => {
      asked.push(dialog.type());
      void dialog.dismiss();
    });
    await page.getByRole('link', { name: 'Reset to sample' }).click({ noWaitAfter: true });
    await until('the browser to ask', () => asked.length > 0);
    expect(asked).toEqual(['beforeunload']);
    expect(await editor().inputValue()).toContain('"a"');
    page.once('dialog', (dialog) => void dialog.accept());
    await page.getByRole('link', { name: 'Reset to sample' }).click();
    await page.waitForURL('**/portal/testing?event=candidate.created&sample=success');
    expect(await editor().inputValue()).toContain('"event": "candidate.created"');
  });

  test('without script everything but the comforts is there', async () => {
    await open(ADMIN, { javaScriptEnabled: false });
    await load('meeting.notes_ready');
    expect(await button(page, 'Format').count()).toBe(0);
    await edit((text) => text.replace('First interview', 'Second interview'));
    await button(page, 'Preview').click();
    await page.getByRole('heading', { name: 'Preview' }).waitFor();
    expect(await editor().inputValue()).toContain('Second interview');
    await button(page, 'Send test').click();
    await page.getByText('A real event would count as delivered.').waitFor();
    await page.getByRole('link', { name: 'Reset to sample' }).click();
    await page.getByRole('heading', { name: 'Result' }).waitFor({ state: 'detached' });
    expect(await editor().inputValue()).toContain('First interview');
  });

  test('a disabled endpoint and none at all are said, with the way to mend it', async () => {
    await portal.sql(`update endpoint set disabled_at = now(), disabled_reason = 'The endpoint answered 410 Gone'`);
    await open();
    await page.getByText('Deliveries are off:').waitFor();
    await inspect(page, 'webhook-testing-disabled');
    await portal.gateway.app.get(Accounts).setWebhookUrl('acme', null, 'test');
    await page.reload();
    await page.getByText('There is no webhook URL yet').waitFor();
    expect(await button(page, 'Send test').isDisabled()).toBe(true);
    await inspect(page, 'webhook-testing-no-url');
  });

  test('a viewer looks at samples and schemas, and has nothing to send with', async () => {
    await open(VIEWER);
    await load('workspace.provisioned', 'an error');
    await page.getByText('the role admin is needed').waitFor();
    expect(await page.locator('main form[method=post]').count()).toBe(0);
    await inspect(page, 'webhook-testing-viewer');
  });
});
