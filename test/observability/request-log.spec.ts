import { readEnv } from '../../src/config/read-env';
import { configureLogger } from '../../src/observability/logger';
import { until } from '../support/until';
import { LogLines, startSmallApp, type SmallApp } from '../http/small-app';

let app: SmallApp;
let log: LogLines;

beforeAll(async () => (app = await startSmallApp()));
afterAll(() => app.close());
beforeEach(() => configureLogger(readEnv({ NODE_ENV: 'test', LOG_LEVEL: 'debug' }), (log = new LogLines())));

function post(headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${app.url}/people?token=hunter2`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: '{"id":"body-of-mine"}',
  });
}

describe('the wide line of a request', () => {
  it('has the method, the route’s pattern, the status, the time, the bytes and what the work added', async () => {
    await post({ 'X-Request-Id': 'req-7' });
    const { time, ...line } = await log.first('request.completed');
    expect(new Date(time as string).getTime()).toBeCloseTo(Date.now(), -4);
    expect(line).toEqual({
      level: 'info',
      msg: 'request.completed',
      request_id: 'req-7',
      method: 'POST',
      route: '/people',
      status: 201,
      duration_ms: expect.any(Number),
      bytes_in: 21,
      ats_id: 'acme',
      reference_id: 'ref-1',
    });
  });

  it('has nothing of the body, the query, the headers or the address', async () => {
    await post({ 'X-API-Key': 'key-of-mine', Authorization: 'Bearer token-of-mine', Cookie: 'c=cookie-of-mine' });
    await fetch(`${app.url}/people/id-of-mine`, { method: 'DELETE' });
    await until('both lines', () => log.named('request.completed').length >= 2);
    expect(log.named('request.completed').map((line) => line.route)).toEqual(['/people', '/people/:id']);
    expect(JSON.stringify(log.lines)).not.toMatch(/of-mine|hunter2/);
  });

  it('is one line per request, refused, failed and unknown ones too', async () => {
    for (const path of ['/fails/conflict', '/fails/error', '/nowhere', '/headers']) await fetch(app.url + path);
    await post({ 'X-Request-Id': 'last' });
    await until('the last line', () => log.named('request.completed').some((line) => line.request_id === 'last'));
    expect(log.named('request.completed').map(({ status, route }) => [status, route])).toEqual([
      [409, '/fails/:how'],
      [500, '/fails/:how'],
      [404, null],
      [422, '/headers'],
      [201, '/people'],
    ]);
  });

  it('does not mix up requests that run side by side', async () => {
    const ids = Array.from({ length: 50 }, (_, n) => `par-${n}`);
    const answers = await Promise.all(ids.map(async (id) => (await post({ 'X-Request-Id': id })).json()));
    expect(answers.map((answer) => (answer as { seen: string }).seen)).toEqual(ids);
  });
});

describe('the request id', () => {
  it('is the caller’s when it is harmless, and echoed', async () => {
    for (const id of ['a', 'A.b_c-9', 'x'.repeat(64)]) {
      expect((await post({ 'X-Request-Id': id })).headers.get('x-request-id')).toBe(id);
    }
  });

  it.each(['', 'x'.repeat(65), 'a b', 'a/b', '{"a":1}', 'ä'])('is a new UUIDv7 in place of %j', async (id) => {
    const echoed = (await post({ 'X-Request-Id': id })).headers.get('x-request-id');
    expect(echoed).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });
});
