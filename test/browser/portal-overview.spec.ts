import { uuidFloor } from '../../src/database/clock';
import { Database, statement } from '../../src/database/database';
import { DEMO } from '../../src/accounts/demo';
import { DemoAccount } from '../../src/ops/demo-account.service';
import { inspect } from '../support/browser';
import { describeInBrowser } from '../support/chromium';
import { call, makeAccount, startGateway, type Gateway } from '../support/gateway';
import { makePortalUser } from '../support/portal';
import { heading, signInToDemo, visitors } from '../support/portal-browser';

const HOUR_MS = 3_600_000;
const URL = 'https://hooks.acme.example/carv';

describeInBrowser('the Overview', () => {
  let gateway: Gateway;
  const { visitor, signedIn } = visitors(() => gateway.origin);

  beforeAll(async () => {
    gateway = await startGateway({ env: { NODE_ENV: 'development', LOG_LEVEL: 'silent' } });
    await gateway.app.get(DemoAccount).ensure(gateway.origin);
    for (const atsId of ['busy', 'fresh', 'trouble']) {
      await makeAccount(gateway, atsId, null);
      await makePortalUser(gateway, atsId, `ann@${atsId}.example`);
    }
  });
  afterAll(() => gateway.close());

  const sql = <T extends object>(text: string, values: unknown[] = []): Promise<T[]> =>
    gateway.app.get(Database).query<T>(statement('', text), values);

  /** As the roller would have counted them: busy by day, quiet by night. The last `badHours` went wrong. */
  async function roll(atsId: string, badHours: number): Promise<void> {
    const now = Math.floor(Date.now() / HOUR_MS) * HOUR_MS;
    for (let n = 0; n < 168; n++) {
      const at = new Date(now - n * HOUR_MS);
      const usual = Math.round(40 + 36 * Math.sin(((at.getUTCHours() - 8) / 24) * 2 * Math.PI) + ((n * 17) % 13));
      const [success, failure, error] =
        n < badHours
          ? [0, Math.round(usual / 4), Math.round(usual / 2)]
          : [usual, n % 19 === 5 ? 5 : 0, n % 41 === 9 ? 2 : 0];
      const latencies = Array<number>(63).fill(0);
      latencies[20 + (n % 3)] = success;
      latencies[27 + (n % 4)] = Math.round(success / 8);
      latencies[31] = failure;
      const id = uuidFloor(at.getTime() + 60_000);
      await sql(
        `insert into delivery_rollup (ats_id, hour, success, failure, error, latencies, last_success_id, last_failure_id)
         values ($1, $2, $3, $4, $5, $6, $7, $8)`,
        [atsId, at, success, failure, error, latencies, success > 0 ? id : null, failure + error > 0 ? id : null],
      );
    }
  }

  test('of a healthy account: one look says so, and the charts say how it went', async () => {
    await sql(`update endpoint set url = $1 where ats_id = 'busy'`, [URL]);
    await roll('busy', 0);
    await sql(
      `insert into delivery_attempt (id, ats_id, reference_id, direction, event, number, outcome, status_code, duration_ms)
       select last_failure_id, ats_id, last_failure_id, 'outgoing', 'application.updated', 1, 'failure', 429, 310
         from delivery_rollup where ats_id = 'busy' and last_failure_id is not null order by hour desc limit 1`,
    );
    const page = await signedIn('ann@busy.example');
    await page.getByText('Healthy', { exact: true }).waitFor();
    await inspect(page, 'overview-healthy');

    await page.getByRole('link', { name: '7 days' }).click();
    await page.getByRole('img', { name: /^Deliveries of the last 7 days: [\d,]+ delivered/ }).waitFor();
    await inspect(page, 'overview-week');
    await page.getByText('The figures as a table').click();
    expect(await page.getByRole('row').count()).toBe(8);
    await page.getByRole('link', { name: '24 hours' }).click();
    await page.getByRole('img', { name: /^Answers of the last 24 hours: half came within/ }).waitFor();
    expect(await page.getByText('Live', { exact: true }).count()).toBe(0);
  });

  test('of an account without anything: what to do first', async () => {
    const page = await signedIn('ann@fresh.example');
    await page.getByRole('heading', { name: 'Welcome' }).waitFor();
    await page.getByText('No URL', { exact: true }).waitFor();
    await inspect(page, 'overview-fresh');
    await page.getByRole('link', { name: 'Set a webhook URL' }).click();
    await heading(page, 'My Configuration');
  });

  test('of an account in trouble: why, since when, what waits, and where to look', async () => {
    const id = uuidFloor(Date.now() - 1000).slice(0, 24) + '0123456789ab';
    await roll('trouble', 4);
    await sql(
      `insert into delivery_attempt (id, ats_id, reference_id, direction, event, number, outcome, status_code, duration_ms)
       values ($1, 'trouble', $1, 'outgoing', 'candidate.created', 4, 'failure', 503, 210)`,
      [id],
    );
    await sql(
      `update endpoint set url = $1, failures_in_row = 47, breaker_pause_ms = 600000, breaker_opened_at = now() - interval '3 hours',
              paused_until = now() + interval '9 minutes' where ats_id = 'trouble'`,
      [URL],
    );
    await sql(
      `insert into outbox_message (ats_id, entity_key, reference_id, failures, available_at, queued_at)
       select 'trouble', 'entity-' || n, uuidv7(), 4, now() + interval '1 hour', now() - interval '3 hours' + n * interval '1 second'
         from generate_series(1, 1200) n`,
    );
    await sql(
      `insert into dead_message (reference_id, ats_id, entity_key, failures, state)
       select uuidv7(), 'trouble', 'dead-' || n, 12, 'dead' from generate_series(1, 7) n`,
    );
    const page = await signedIn('ann@trouble.example');
    await page.getByText(/^Paused until /).waitFor();
    await page.getByText('It answered 503 Service Unavailable. Something failed on its side.').first().waitFor();
    await page.getByText('more than 1,000 results').waitFor();
    expect(await page.getByRole('link', { name: 'See what failed last' }).getAttribute('href')).toBe(
      `/portal/flows/${id}`,
    );
    await inspect(page, 'overview-trouble');
  });

  test('in development, what the demo receiver gets appears while the page is open', async () => {
    const page = await visitor();
    await signInToDemo(page);
    await page.getByRole('heading', { name: 'Received' }).waitFor();
    await page.getByText('Live', { exact: true }).waitFor();
    const focused = page.getByRole('link', { name: 'My Configuration' });
    await focused.focus();
    const candidate = { candidate_id: 'candidate-123', first_name: '<b>Jane', last_name: 'Smith' };
    const demo = { apiKey: DEMO.apiKey };
    expect((await call(gateway, demo, '/v1/candidates', { clientId: DEMO.clientId, body: candidate })).status).toBe(
      202,
    );
    await page.getByRole('cell', { name: '<b>Jane Smith' }).waitFor();
    await page.getByText('Verified', { exact: true }).waitFor();
    await page.getByRole('img', { name: /^Deliveries of the last 24 hours: 1 delivered/ }).waitFor();
    expect(await focused.evaluate((element) => element === document.activeElement)).toBe(true);
    await page.getByText('The figures as a table').click();
    await call(gateway, demo, '/v1/candidates', {
      clientId: DEMO.clientId,
      body: { ...candidate, first_name: 'June' },
    });
    await page.getByRole('cell', { name: 'June Smith' }).waitFor();
    expect(await page.locator('details').getAttribute('open')).toBe('');
    await page.evaluate(() => window.scrollTo(0, 0));
    await inspect(page, 'overview-live');
  });

  test('without scripts the page shows what was received so far', async () => {
    const page = await visitor({ javaScriptEnabled: false });
    await signInToDemo(page);
    await page.getByRole('cell', { name: 'June Smith' }).waitFor();
    expect(await page.getByText('Live', { exact: true }).isVisible()).toBe(false);
  });
});
