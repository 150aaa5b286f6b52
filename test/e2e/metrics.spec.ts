import { call, makeAccount, startGateway, type Gateway } from '../support/gateway';
import { startReceiver } from '../support/receiver';
import { until } from '../support/until';

const TOKEN = 'a-token-of-some-length';
const PRODUCTION = {
  NODE_ENV: 'production',
  PUBLIC_URL: 'https://gateway.example.com',
  HOST: '127.0.0.1',
  MIGRATE_ON_START: 'true',
};

let gateway: Gateway | undefined;
afterEach(() => gateway?.close());

async function scrape(authorization?: string): Promise<{ status: number; text: string; type: string | null }> {
  const headers = new Headers(authorization === undefined ? [] : [['Authorization', authorization]]);
  const response = await fetch(`${gateway!.origin}/metrics`, { headers });
  return { status: response.status, text: await response.text(), type: response.headers.get('Content-Type') };
}

const value = (text: string, series: string): number =>
  Number(
    text
      .split('\n')
      .find((line) => line.startsWith(`${series} `))
      ?.split(' ')[1] ?? NaN,
  );

test('what was accepted, processed, sent and is pending is counted, and nothing names an account', async () => {
  gateway = await startGateway();
  const receiver = await startReceiver(() => '');
  const account = await makeAccount(gateway, 'acme-of-the-metrics', receiver.url);
  const accepted = value((await scrape()).text, 'gateway_flows_accepted_total{source="rest"}') || 0;
  const body = { candidate_id: 'c-1', first_name: 'Ann', last_name: 'Lee' };
  expect((await call(gateway, account, '/v1/candidates', { body })).status).toBe(202);
  await until('the delivery', () => receiver.deliveries.length > 0);
  await until('the attempt to be counted', async () =>
    (await scrape()).text.includes('gateway_delivery_attempt_duration_seconds_count{outcome="success"'),
  );
  const { status, text, type } = await scrape();
  expect(status).toBe(200);
  expect(type).toMatch(/^text\/plain/);
  expect(value(text, 'gateway_flows_accepted_total{source="rest"}')).toBe(accepted + 1);
  expect(value(text, 'gateway_flows_processed_total{status="success"}')).toBeGreaterThan(0);
  expect(value(text, 'gateway_queue_messages{queue="inbox"}')).toBe(0);
  expect(text).toContain('route="/v1/candidates"');
  expect(text).toContain('process_resident_memory_bytes');
  expect(text).not.toContain('acme-of-the-metrics');
  await receiver.close();
});

test.each([undefined, 'Bearer wrong', TOKEN, `bearer${TOKEN}`])('with a token, %s is refused', async (given) => {
  gateway = await startGateway({ env: { METRICS_TOKEN: TOKEN } });
  expect((await scrape(given)).status).toBe(401);
  expect((await scrape(`Bearer ${TOKEN}`)).status).toBe(200);
});

test('in production there are no metrics without a token', async () => {
  gateway = await startGateway({ env: PRODUCTION });
  expect((await scrape()).status).toBe(404);
  expect((await scrape('Bearer undefined')).status).toBe(404);
});
