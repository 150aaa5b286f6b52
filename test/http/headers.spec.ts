import { exchange, startSmallApp, type SmallApp } from './small-app';
import { VISIBLE_ID } from '../../src/http/visible-id';

let app: SmallApp;

beforeAll(async () => (app = await startSmallApp()));
afterAll(() => app.close());

/** Over a bare socket: fetch refuses to send some of these. */
async function ask(headers: Record<string, string | Buffer>): Promise<Record<string, unknown>> {
  const lines = Object.entries(headers).flatMap(([name, value]) => [`${name}: `, value, '\r\n']);
  const answer = await exchange(
    app.port,
    Buffer.concat(
      ['GET /headers HTTP/1.1\r\nHost: x\r\nConnection: close\r\n', ...lines, '\r\n'].map((p) =>
        Buffer.from(p as string),
      ),
    ),
  );
  const body = answer.slice(answer.indexOf('\r\n\r\n') + 4);
  return JSON.parse(Buffer.from(body, 'latin1').toString('utf8')) as Record<string, unknown>;
}

const context = { 'X-ATS-Client-ID': 'client-1', 'X-ATS-User-ID': 'user 1' };

describe('the context headers', () => {
  it('are read', async () => {
    expect(await ask(context)).toEqual({ clientId: 'client-1', userId: 'user 1', key: null });
  });

  it('are both named with 422 when missing or empty', async () => {
    const faults = ['X-ATS-Client-ID', 'X-ATS-User-ID'].map((field) => ({ field, message: 'is required' }));
    const detail = 'X-ATS-Client-ID is required; X-ATS-User-ID is required';
    expect(await ask({})).toMatchObject({ status: 422, detail, errors: faults });
    expect(await ask({ 'X-ATS-Client-ID': '', 'X-ATS-User-ID': '  ' })).toMatchObject({ status: 422, errors: faults });
  });

  it('are the same string as in a body: UTF-8 when the bytes are, Latin-1 otherwise', async () => {
    expect(await ask({ ...context, 'X-ATS-Client-ID': Buffer.from('zürich-日本') })).toMatchObject({
      clientId: 'zürich-日本',
    });
    expect(await ask({ ...context, 'X-ATS-Client-ID': Buffer.from('zürich', 'latin1') })).toMatchObject({
      clientId: 'zürich',
    });
  });

  it.each([
    ['201 characters', 'x'.repeat(201)],
    ['a tab', 'a\tb'],
    ['a zero-width space', Buffer.from('a\u200bb')],
    ['a C1 control', Buffer.from('a\u0085b')],
  ])('are refused with %s', async (_, value) => {
    expect(await ask({ ...context, 'X-ATS-User-ID': value })).toMatchObject({
      status: 422,
      errors: [{ field: 'X-ATS-User-ID', message: 'must be 1–200 visible characters' }],
    });
  });
});

describe('the idempotency key', () => {
  it('is optional and taken as it is', async () => {
    expect(await ask({ ...context, 'Idempotency-Key': 'k'.repeat(255) })).toMatchObject({ key: 'k'.repeat(255) });
    expect(await ask({ ...context, 'Idempotency-Key': '"quoted"~!' })).toMatchObject({ key: '"quoted"~!' });
  });

  it.each([
    ['empty', ''],
    ['too long', 'k'.repeat(256)],
    ['not one word', 'a b'],
    ['not ASCII', Buffer.from('é')],
  ])('is refused when %s', async (_, key) => {
    expect(await ask({ ...context, 'Idempotency-Key': key })).toMatchObject({
      status: 422,
      errors: [{ field: 'Idempotency-Key' }],
    });
  });
});

describe('an id of an ATS', () => {
  it.each([
    'a',
    '0',
    'a b',
    'a/b?c#d%',
    'ÅÄÖ',
    '日本',
    '😀',
    'x'.repeat(200),
    '😀'.repeat(200),
    '__proto__',
    '<b>',
    "' or 1=1",
  ])('may be %s', (id) => expect(VISIBLE_ID.test(id)).toBe(true));

  it.each([
    '',
    ' ',
    ' a',
    'a ',
    'a\u00a0',
    '\u3000a',
    'a\nb',
    'a\n',
    'a\0',
    '\u202eabc',
    '\ufeffa',
    'a\u2028b',
    '\ud800',
    'x'.repeat(201),
  ])('may not be %j', (id) => expect(VISIBLE_ID.test(id)).toBe(false));
});
