import { startSmallApp, type SmallApp } from './small-app';

let app: SmallApp;

beforeAll(async () => (app = await startSmallApp()));
afterAll(() => app.close());

async function send(
  method: string,
  path: string,
  body: NonNullable<RequestInit['body']>,
  type?: string,
): Promise<Record<string, unknown>> {
  // A buffer, because fetch adds a content type of its own to a text.
  const answer = await fetch(app.url + path, {
    method,
    body: typeof body === 'string' ? Buffer.from(body) : body,
    headers: type === undefined ? {} : { 'Content-Type': type },
  });
  return { code: answer.status, ...((await answer.json()) as object) };
}

describe('a JSON body', () => {
  it.each([
    'application/json',
    'application/json; charset=utf-8',
    'Application/JSON;charset="UTF-8"; x=y',
    'application/json;',
  ])('is taken as %s', async (type) => {
    expect(await send('POST', '/people', '{"id":"1"}', type)).toMatchObject({ code: 201, person: { id: '1' } });
  });

  it.each([
    undefined,
    '',
    'text/plain',
    'application/x-www-form-urlencoded',
    'application/jsonx',
    'multipart/form-data; boundary=x',
    'application/json; charset=latin1',
    'application/json; charset=utf-16',
    'application/merge-patch+json',
  ])('is refused as %s with 415', async (type) => {
    expect(await send('POST', '/people', '{"id":"1"}', type)).toMatchObject({ code: 415, status: 415 });
  });

  it('of a PATCH may also be a merge patch', async () => {
    for (const type of [
      'application/merge-patch+json',
      'application/json',
      'application/merge-patch+json; charset=utf-8',
    ]) {
      expect(await send('PATCH', '/people/1', '{"id":"1"}', type)).toMatchObject({ code: 200, id: '1' });
    }
    expect(await send('PATCH', '/people/1', '{}', 'application/json-patch+json')).toMatchObject({ code: 415 });
  });

  it.each([
    ['empty', '', 400],
    ['malformed', '{"id":', 400],
    ['not UTF-8', new Uint8Array([0x7b, 0xff, 0x7d]), 400],
    ['a list', '[]', 422],
    ['null', 'null', 422],
    ['NUL in a text', '{"id":"a\\u0000b"}', 422],
    ['a lone surrogate', '{"id":"\\ud800"}', 422],
    ['nested a hundred thousand deep', '{"id":'.repeat(1e5) + '1' + '}'.repeat(1e5), 422],
    ['too large a number', '{"id":"1","custom_fields":{"n":12345678901234567890}}', 422],
    ['unknown fields', '{"id":"1","__proto__":1,"constructor":2}', 422],
  ])('that is %s is refused in the one shape', async (_, body, status) => {
    const answer = await send('POST', '/people', body, 'application/json');
    expect(answer).toMatchObject({ code: status, status, type: 'about:blank', detail: expect.any(String) });
    expect(Array.isArray(answer.errors)).toBe(status === 422);
  });

  it('still knows its request after the body was awaited', async () => {
    const answer = await fetch(`${app.url}/people`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'X-Request-Id': 'ctx-1' },
      body: '{"id":"1"}',
    });
    expect(await answer.json()).toMatchObject({ seen: 'ctx-1' });
  });
});
