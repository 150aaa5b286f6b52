import { readEnv } from '../../src/config/read-env';
import { configureLogger } from '../../src/observability/logger';
import { exchange, LogLines, startSmallApp, type SmallApp } from './small-app';

let app: SmallApp;
let log: LogLines;

beforeAll(async () => (app = await startSmallApp()));
afterAll(() => app.close());
beforeEach(() => configureLogger(readEnv({ NODE_ENV: 'test', LOG_LEVEL: 'debug' }), (log = new LogLines())));

const get = (path: string, init?: RequestInit): Promise<Response> => fetch(app.url + path, init);

describe('the one error shape', () => {
  it('has exactly the members of the contract, in its content type', async () => {
    const answer = await get('/fails/conflict', { headers: { 'X-Request-Id': 'req-1' } });
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(await answer.text()).toBe(
      '{"type":"about:blank","title":"Conflict","status":409,"detail":"The workspace is not provisioned","request_id":"req-1"}',
    );
  });

  it('lists the faulty fields of a refused body between detail and request_id', async () => {
    const answer = await get('/people', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'X-Request-Id': 'req-2' },
      body: '{"id":"1","email":"nobody"}',
    });
    expect(await answer.text()).toBe(
      '{"type":"about:blank","title":"Unprocessable Entity","status":422,"detail":"email must be an email",' +
        '"errors":[{"field":"email","message":"must be an email"}],"request_id":"req-2"}',
    );
  });

  it('keeps the documented 401', async () => {
    const answer = await get('/fails/unauthorized');
    expect(answer.status).toBe(401);
    expect(await answer.text()).toContain('"detail":"Invalid or missing API key"');
  });

  it('says when to come back after database trouble', async () => {
    const answer = await get('/fails/unavailable');
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '2']);
    expect(log.named('request.failed')).toEqual([]);
  });

  it.each([
    ['GET', '/nowhere?token=hunter2'],
    ['PUT', '/people'],
    ['POST', '/people/../../etc/passwd'],
  ])('answers the unknown route %s %s without repeating it', async (method, path) => {
    const answer = await get(path, { method });
    const body = (await answer.json()) as Record<string, unknown>;
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(body).toEqual({
      type: 'about:blank',
      title: 'Not Found',
      status: 404,
      detail: 'No such resource',
      request_id: answer.headers.get('x-request-id'),
    });
  });

  it('maps Nest’s own exceptions by their status and drops their words', async () => {
    const answer = await get('/fails/http');
    expect(answer.status).toBe(405);
    expect(await answer.text()).not.toContain('passwd');
  });

  it('answers a path that does not decode with 400 in the same shape', async () => {
    const answer = await get('/fails/%FF');
    expect(await answer.json()).toMatchObject({ status: 400, detail: 'The request could not be understood' });
  });

  it('refuses an id in the path that the database could not hold', async () => {
    const answer = await get('/people/a%00b', { method: 'DELETE' });
    expect(await answer.json()).toMatchObject({ status: 422, errors: [{ field: 'id' }] });
    expect(await (await get('/people/z%C3%BC', { method: 'DELETE' })).json()).toEqual({ id: 'zü' });
  });

  it.each(['error', 'string'])(
    'explains nothing of a bug (%s), and logs its cause under the request_id',
    async (how) => {
      const answer = await get(`/fails/${how}`);
      const body = (await answer.json()) as Record<string, unknown>;
      expect(body).toEqual({
        type: 'about:blank',
        title: 'Internal Server Error',
        status: 500,
        detail: 'The gateway failed; the request_id names the cause in its log',
        request_id: answer.headers.get('x-request-id'),
      });
      const line = await log.first('request.failed');
      expect(line).toMatchObject({ level: 'error', request_id: body.request_id });
      if (how === 'error')
        expect(line.err).toMatchObject({ message: 'boom with hunter2', cause: { message: 'disk full' } });
    },
  );

  it('sends no header that names the framework or lets an answer be cached', async () => {
    const context = { 'X-ATS-Client-ID': 'client-1', 'X-ATS-User-ID': 'user-1' };
    for (const [path, status] of [
      ['/headers', 200],
      ['/nowhere', 404],
      ['/fails/error', 500],
    ] as const) {
      const { headers, status: answered } = await get(path, { headers: context });
      expect(answered).toBe(status);
      expect(headers.get('x-powered-by')).toBeNull();
      expect(headers.get('etag')).toBeNull();
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('cache-control')).toBe('no-store');
    }
  });

  it('answers a HEAD of an unknown route with headers only', async () => {
    const answer = await exchange(app.port, 'HEAD /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1\.1 404 /);
    expect(answer.endsWith('\r\n\r\n')).toBe(true);
  });

  it('takes a client that leaves for no error, but keeps a bug that shows after it left', async () => {
    for (const code of ['ECONNRESET', 'EBUG']) {
      await expect(get(`/abandoned/${code}`, { signal: AbortSignal.timeout(50) })).rejects.toThrow();
    }
    expect(await log.first('request.failed')).toMatchObject({ err: { code: 'EBUG' } });
    expect(log.named('request.failed')).toHaveLength(1);
    expect(log.named('request.completed').map(({ status, aborted }) => [status, aborted])).toEqual([
      [null, true],
      [null, true],
    ]);
  });
});
