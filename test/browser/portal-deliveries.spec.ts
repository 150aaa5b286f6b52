import { inspect } from '../support/browser';
import { describeInBrowser } from '../support/chromium';
import { call } from '../support/gateway';
import { openPortalAccount, type PortalAccount } from '../support/portal-account';
import { button, go, heading, submitSignIn, visitors } from '../support/portal-browser';
import { TableLock } from '../support/table-lock';
import { until } from '../support/until';

const ADMIN = 'admin@acme.example';
const CANDIDATE = { first_name: 'Jane', last_name: 'Smith', email: 'jane.smith@example.com', skills: ['SQL'] };

describeInBrowser('deliveries and flows in the portal', () => {
  let portal: PortalAccount;
  const { visitor, signedIn } = visitors(() => portal.gateway.origin);

  beforeAll(async () => {
    // One more attempt follows after a day, so what fails once stays for a while; and slowness alone fails nothing.
    portal = await openPortalAccount({ DELIVERY_RETRY_SCHEDULE: '86400', DELIVERY_TIMEOUT_MS: '30000' });
  });
  beforeEach(() => portal.reset());
  afterAll(() => portal.close());

  async function write(candidate_id: string, fields: object = CANDIDATE): Promise<string> {
    const { body } = await call(portal.gateway, portal.account, '/v1/candidates', {
      clientId: 'client-of-acme',
      body: { candidate_id, ...fields },
    });
    return String(body.reference_id);
  }

  const untilAttempted = (id: string, outcome: string) =>
    until('an attempt', async () => {
      const text = `select from delivery_attempt where reference_id = $1 and outcome = $2`;
      return (await portal.sql(text, [id, outcome])).length > 0;
    });

  test('an empty log says so', async () => {
    const page = await signedIn(ADMIN);
    await go(page, 'Webhook Deliveries');
    await page.getByText('Nothing was sent or received yet.').waitFor();
    await go(page, 'Flow');
    await page.getByText('Nothing was written yet.').waitFor();
  });

  test('a failed delivery is followed to its flow, redelivered, and seen to succeed', async () => {
    const page = await signedIn(ADMIN);
    await untilAttempted(await write('candidate-122'), 'success');
    portal.receiver.script = (_delivery, response) => {
      response.writeHead(500, { 'Content-Type': 'application/json' }).end('{"error":"the queue is full","code":17}');
      return undefined;
    };
    const id = await write('candidate-123');
    await untilAttempted(id, 'failure');
    await go(page, 'Webhook Deliveries');
    await inspect(page, 'deliveries');
    await page.getByLabel('Outcome').selectOption('Refused');
    await button(page, 'Filter').click();
    expect(await page.locator('tbody tr').count()).toBe(1);
    await page.getByText('It answered 500 Internal Server Error.').waitFor();
    await page.getByRole('link', { name: 'Details' }).click();
    await heading(page, 'Delivery');
    await page.getByText('"the queue is full"').waitFor();
    await inspect(page, 'delivery');
    await page.getByRole('link', { name: 'Follow this flow' }).click();
    await heading(page, 'Flow');
    expect(page.url()).toBe(`${portal.gateway.origin}/portal/flows/${id}`);
    await page.getByText('On its way').waitFor();
    await page.getByText('What you wrote').click();
    await page.getByText('"jane.smith@example.com"').first().waitFor();
    await page.evaluate(() => scrollTo(0, 0));
    await inspect(page, 'flow-failing');

    portal.receiver.script = () => 200;
    await button(page, 'Redeliver').click();
    await page.getByText('The result is delivered again').waitFor();
    // The page comes anew by itself.
    await page.getByText('Your endpoint took the result.').waitFor();
    await inspect(page, 'flow');
    await page.getByRole('link', { name: 'Details of attempt 2' }).click();
    await page.getByText('It answered 200 OK.').waitFor();
  });

  test('a pasted reference id leads to its flow; an unknown one is told', async () => {
    const page = await signedIn(ADMIN);
    const id = await write('candidate-124');
    await untilAttempted(id, 'success');
    await go(page, 'Flow');
    await page.getByRole('textbox', { name: 'Reference id' }).fill('019db49a-860b-74cb-8199-000000000000');
    await button(page, 'Follow').click();
    await page.getByRole('alert').getByText('There is no flow with this reference id').waitFor();
    await inspect(page, 'flow-unknown');
    await page.getByRole('textbox', { name: 'Reference id' }).fill(` ${id.toUpperCase()} `);
    await page.keyboard.press('Enter');
    await page.getByText('Your endpoint took the result.').waitFor();
  });

  test('filters survive paging, by link and by Back', async () => {
    const page = await signedIn(ADMIN);
    await portal.sql(
      `insert into delivery_attempt (id, ats_id, direction, event, number, outcome, status_code, duration_ms)
       select uuidv7(), 'acme', case when n % 2 = 0 then 'incoming' else 'outgoing' end, 'vacancy.updated', 1,
              'success', 202, 3 from generate_series(1, 120) n`,
    );
    await go(page, 'Webhook Deliveries');
    await page.getByLabel('Direction').selectOption('Incoming, from you');
    await page.getByLabel('Event').selectOption('vacancy.updated');
    await button(page, 'Filter').click();
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
    const page = await signedIn(ADMIN);
    const die = (count: number) =>
      portal.sql(
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
    await go(page, 'Webhook Deliveries');
    await page.getByRole('link', { name: 'Given up' }).click();
    await heading(page, 'Given up');
    await page.getByText('8 results given up').waitFor();
    await inspect(page, 'deliveries-given-up');
    // More than one batch.
    await die(592);
    await page.reload();
    await page
      .getByLabel('Redeliver', { exact: true })
      .selectOption({ label: 'what was given up in the last hour (600)' });
    await button(page, 'Continue…').click();
    await page.getByText('600 results were given up').waitFor();
    await inspect(page, 'redeliver-confirmation');
    const lock = await TableLock.open(portal.gateway.databaseUrl);
    await lock.take('outbox_message', 'exclusive');
    await button(page, 'Redeliver all 600').click();
    await heading(page, 'Redelivery in bulk');
    await page.getByText('0 of 600 queued again', { exact: true }).waitFor();
    await lock.close();
    // By itself: nothing is clicked here.
    await page.getByText('600 of 600 queued again').waitFor();
    await page.getByText('Finished', { exact: true }).first().waitFor();
    await inspect(page, 'redelivery-progress');
    await page.getByRole('link', { name: 'What is still given up' }).click();
    await page.getByText('Nothing is given up').waitFor();
    await until(
      'all of them to arrive',
      () => portal.receiver.deliveries.filter((d) => d.body.data.n !== undefined).length >= 600,
    );
    await go(page, 'Audit log');
    await page.getByText('Redelivery in bulk begun').waitFor();
  });

  test('without script: filter, detail, redelivery', async () => {
    const page = await visitor({ javaScriptEnabled: false });
    portal.receiver.script = () => 500;
    const id = await write('candidate-125');
    await untilAttempted(id, 'failure');
    await page.goto(`/portal/flows/${id}`);
    await submitSignIn(page, ADMIN);
    portal.receiver.script = () => 200;
    await button(page, 'Redeliver').click();
    await page.getByText('Your endpoint took the result.').waitFor();
  });

  test('what others wrote runs nowhere', async () => {
    const page = await signedIn(ADMIN);
    const xss = `"><script>document.title='pwned'</script><img src=x onerror="document.title='pwned'">\u202edlrow`;
    const dialogs: string[] = [];
    page.on('dialog', (dialog) => {
      dialogs.push(dialog.message());
      void dialog.dismiss();
    });
    portal.receiver.script = (_delivery, response) => {
      response.writeHead(500, { 'Content-Type': 'text/html', 'X-RateLimit-Limit': xss.slice(0, -6) }).end(xss);
      return undefined;
    };
    const id = await write(xss.slice(0, -6), { first_name: xss, last_name: '<svg/onload=alert(1)>' });
    await untilAttempted(id, 'failure');
    const [attempt] = await portal.sql<{ id: string }>('select id from delivery_attempt where reference_id = $1', [id]);
    for (const path of [
      'deliveries',
      `deliveries/${attempt!.id}`,
      `flows/${id}`,
      'flows',
      `flows?${new URLSearchParams({ reference_id: xss, entity_id: xss }).toString()}`,
      `deliveries?${new URLSearchParams({ event: xss, before: xss }).toString()}`,
    ]) {
      await page.goto(`/portal/${path}`);
      for (const summary of await page.locator('main summary').all()) await summary.click();
      expect(await page.title()).toMatch(/Carv integrations$/);
      expect(await page.locator('main script, main img, main svg').count()).toBe(0);
    }
    await page.goto(`/portal/deliveries/${attempt!.id}`);
    await page.getByText('\\u202edlrow').first().waitFor();
    expect(dialogs).toEqual([]);
  });
});
