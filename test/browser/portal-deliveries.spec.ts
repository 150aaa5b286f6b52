import type { Browser, BrowserContext, Page } from 'playwright-core';
import { Database, statement } from '../../src/database/database';
import { inspect, launchBrowser, watchFaults } from '../support/browser';
import { describeInBrowser } from '../support/chromium';
import { call, makeAccount, startGateway, type Gateway, type TestAccount } from '../support/gateway';
import { makePortalUser, PASSWORD } from '../support/portal';
import { startReceiver, type Receiver } from '../support/receiver';
import { until } from '../support/until';

const ADMIN = 'ann.admin@acme.example';
const CANDIDATE = { first_name: 'Jane', last_name: 'Smith', email: 'jane.smith@example.com', skills: ['SQL'] };

describeInBrowser('deliveries and flows in the portal', () => {
  let gateway: Gateway;
  let receiver: Receiver;
  let account: TestAccount;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let faults: string[];

  beforeAll(async () => {
    // One more attempt follows after a day, so what fails once stays for a while.
    gateway = await startGateway({ env: { DELIVERY_RETRY_SCHEDULE: '86400' } });
    receiver = await startReceiver(() => account.outgoingSecret);
    account = await makeAccount(gateway, 'acme', receiver.url);
    await makePortalUser(gateway, 'acme', ADMIN);
    browser = await launchBrowser();
  });
  beforeEach(async () => {
    receiver.script = () => 200;
    context = await browser.newContext();
    page = await context.newPage();
    faults = watchFaults(page);
    await page.goto(`${gateway.origin}/portal/sign-in`);
    await page.getByLabel('E-mail').fill(ADMIN);
    await page.getByLabel('Password').fill(PASSWORD);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await heading('Overview');
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
  const sql = <T extends object>(text: string, values: unknown[] = []) =>
    gateway.app.get(Database).query<T>(statement('', text), values);

  async function go(name: string): Promise<void> {
    await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name, exact: true }).click();
    await heading(name);
  }

  async function write(candidate_id: string, fields: object = CANDIDATE): Promise<string> {
    const { body } = await call(gateway, account, '/v1/candidates', { body: { candidate_id, ...fields } });
    return String(body.reference_id);
  }

  const untilAttempted = (id: string, outcome: string) =>
    until('an attempt', async () => {
      const text = `select from delivery_attempt where reference_id = $1 and outcome = $2`;
      return (await sql(text, [id, outcome])).length > 0;
    });

  test('an empty log says so', async () => {
    await go('Webhook Deliveries');
    await page.getByText('Nothing was sent or received yet.').waitFor();
    await go('Flow');
    await page.getByText('Nothing was written yet.').waitFor();
  });

  test('a failed delivery is followed to its flow, redelivered, and seen to succeed', async () => {
    await untilAttempted(await write('candidate-122'), 'success');
    receiver.script = (_delivery, response) => {
      response.writeHead(500, { 'Content-Type': 'application/json' }).end('{"error":"the queue is full","code":17}');
      return undefined;
    };
    const id = await write('candidate-123');
    await untilAttempted(id, 'failure');
    await go('Webhook Deliveries');
    await inspect(page, 'deliveries');
    await page.getByLabel('Outcome').selectOption('Refused');
    await page.getByRole('button', { name: 'Filter' }).click();
    expect(await page.locator('tbody tr').count()).toBe(1);
    await page.getByText('It answered 500 Internal Server Error.').waitFor();
    await page.getByRole('link', { name: 'Details' }).click();
    await heading('Delivery');
    await page.getByText('"the queue is full"').waitFor();
    await inspect(page, 'delivery');
    await page.getByRole('link', { name: 'Follow this flow' }).click();
    await heading('Flow');
    expect(page.url()).toBe(`${gateway.origin}/portal/flows/${id}`);
    await page.getByText('On its way').waitFor();
    await page.getByText('What you wrote').click();
    await page.getByText('"jane.smith@example.com"').first().waitFor();
    await page.evaluate(() => scrollTo(0, 0));
    await inspect(page, 'flow-failing');

    receiver.script = () => 200;
    await page.getByRole('button', { name: 'Redeliver' }).click();
    await page.getByText('The result is delivered again').waitFor();
    // The page comes anew by itself.
    await page.getByText('Your endpoint took the result.').waitFor();
    await inspect(page, 'flow');
    await page.getByRole('link', { name: 'Details of attempt 2' }).click();
    await page.getByText('It answered 200 OK.').waitFor();
  });

  test('a pasted reference id leads to its flow; an unknown one is told', async () => {
    const id = await write('candidate-124');
    await untilAttempted(id, 'success');
    await go('Flow');
    await page.getByRole('textbox', { name: 'Reference id' }).fill('019db49a-860b-74cb-8199-000000000000');
    await page.getByRole('button', { name: 'Follow', exact: true }).click();
    await page.getByRole('alert').getByText('There is no flow with this reference id').waitFor();
    await inspect(page, 'flow-unknown');
    await page.getByRole('textbox', { name: 'Reference id' }).fill(` ${id.toUpperCase()} `);
    await page.keyboard.press('Enter');
    await page.getByText('Your endpoint took the result.').waitFor();
  });

  test('filters survive paging, by link and by Back', async () => {
    await sql(
      `insert into delivery_attempt (id, ats_id, direction, event, number, outcome, status_code, duration_ms)
       select uuidv7(), 'acme', case when n % 2 = 0 then 'incoming' else 'outgoing' end, 'vacancy.updated', 1,
              'success', 202, 3 from generate_series(1, 120) n`,
    );
    await go('Webhook Deliveries');
    await page.getByLabel('Direction').selectOption('Incoming, from you');
    await page.getByLabel('Event').selectOption('vacancy.updated');
    await page.getByRole('button', { name: 'Filter' }).click();
    await page.getByRole('link', { name: 'Older' }).click();
    await page.getByRole('link', { name: 'Older' }).click();
    expect(await page.getByLabel('Direction').inputValue()).toBe('incoming');
    expect(await page.getByLabel('Event').inputValue()).toBe('vacancy.updated');
    expect(await page.locator('tbody tr').count()).toBe(10);
    expect(await page.locator('td[data-label="Direction"]').allTextContents()).toEqual(Array(10).fill('Incoming'));
    await page.goBack();
    expect(await page.locator('tbody tr').count()).toBe(25);
    await page.getByRole('link', { name: 'Newest' }).click();
    expect(await page.getByLabel('Event').inputValue()).toBe('vacancy.updated');
  });

  test('what was given up is redelivered in bulk, and the progress is seen to its end', async () => {
    const die = (count: number) =>
      sql(
        `with made as (select uuidv7() as id, n from generate_series(1, ${count}) n),
            f as (insert into flow select id, 'acme', 'client-1', 'u-1', 'rest', 'vacancy.updated', 'vacancy-' || n, '{}' from made
                   where n <= 8),
            r as (insert into result_event (reference_id, ats_id, client_id, event, status, body, created_at, position)
                  select id, 'acme', 'client-1', 'vacancy.updated', 'success',
                         json_build_object('reference_id', id, 'data', json_build_object('n', n)), now(), 1 from made),
            a as (insert into delivery_attempt (id, ats_id, reference_id, direction, event, number, outcome, status_code, error, duration_ms)
                  select uuidv7(), 'acme', id, 'outgoing', 'vacancy.updated', 12, case when n % 2 = 0 then 'failure' else 'error' end,
                         case when n % 2 = 0 then 503 end, case when n % 2 = 1 then 'timeout' end, 5000 from made where n <= 8)
       insert into dead_message (reference_id, ats_id, entity_key, failures, state, at)
       select id, 'acme', '["client-1","vacancy","vacancy-' || n || '"]', 12, 'dead', now() - interval '30 minutes' from made`,
      );
    await die(8);
    await go('Webhook Deliveries');
    await page.getByRole('link', { name: 'Given up' }).click();
    await heading('Given up');
    await page.getByText('8 results given up').waitFor();
    await inspect(page, 'deliveries-given-up');
    // Enough for the page to be seen while it runs.
    await die(5992);
    await page.reload();
    await page
      .getByLabel('Redeliver', { exact: true })
      .selectOption({ label: 'what was given up in the last hour (6000)' });
    await page.getByRole('button', { name: 'Continue…' }).click();
    await page.getByText('6000 results were given up').waitFor();
    await inspect(page, 'redeliver-confirmation');
    await page.getByRole('button', { name: 'Redeliver all 6000' }).click();
    await heading('Redelivery in bulk');
    // By itself: nothing is clicked here.
    await page.getByText('6000 of 6000 queued again').waitFor();
    await page.getByText('Finished', { exact: true }).first().waitFor();
    await inspect(page, 'redelivery-progress');
    await page.getByRole('link', { name: 'What is still given up' }).click();
    await page.getByText('Nothing is given up').waitFor();
    await until(
      'all of them to arrive',
      () => receiver.deliveries.filter((d) => d.body.data.n !== undefined).length >= 6000,
    );
    await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Audit log' }).click();
    await page.getByText('Redelivery in bulk begun').waitFor();
  });

  test('without script: filter, detail, redelivery', async () => {
    const plain = await browser.newContext({ javaScriptEnabled: false });
    const other = await plain.newPage();
    receiver.script = () => 500;
    const id = await write('candidate-125');
    await untilAttempted(id, 'failure');
    await other.goto(`${gateway.origin}/portal/flows/${id}`);
    await other.getByLabel('E-mail').fill(ADMIN);
    await other.getByLabel('Password').fill(PASSWORD);
    await other.getByRole('button', { name: 'Sign in', exact: true }).click();
    receiver.script = () => 200;
    await other.getByRole('button', { name: 'Redeliver' }).click();
    await other.getByText('Your endpoint took the result.').waitFor();
    await plain.close();
  });

  test('what others wrote runs nowhere', async () => {
    const xss = `"><script>document.title='pwned'</script><img src=x onerror="document.title='pwned'">\u202edlrow`;
    const dialogs: string[] = [];
    page.on('dialog', (dialog) => {
      dialogs.push(dialog.message());
      void dialog.dismiss();
    });
    receiver.script = (_delivery, response) => {
      response.writeHead(500, { 'Content-Type': 'text/html', 'X-RateLimit-Limit': xss.slice(0, -6) }).end(xss);
      return undefined;
    };
    const id = await write(xss.slice(0, -6), { first_name: xss, last_name: '<svg/onload=alert(1)>' });
    await untilAttempted(id, 'failure');
    const [attempt] = await sql<{ id: string }>('select id from delivery_attempt where reference_id = $1', [id]);
    for (const path of [
      'deliveries',
      `deliveries/${attempt!.id}`,
      `flows/${id}`,
      'flows',
      `flows?${new URLSearchParams({ reference_id: xss, entity_id: xss }).toString()}`,
      `deliveries?${new URLSearchParams({ event: xss, before: xss }).toString()}`,
    ]) {
      await page.goto(`${gateway.origin}/portal/${path}`);
      for (const summary of await page.locator('main summary').all()) await summary.click();
      expect(await page.title()).toMatch(/Carv integrations$/);
      expect(await page.locator('main script, main img, main svg').count()).toBe(0);
    }
    await page.goto(`${gateway.origin}/portal/deliveries/${attempt!.id}`);
    await page.getByText('\\u202edlrow').first().waitFor();
    expect(dialogs).toEqual([]);
  });
});
