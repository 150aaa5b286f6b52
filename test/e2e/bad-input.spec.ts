import { request, type IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { Client } from 'pg';
import { Accounts } from '../../src/accounts/accounts.service';
import { readEnv } from '../../src/config/read-env';
import { configureLogger } from '../../src/observability/logger';
import { sign, signatureHeader } from '../../src/signing/signature';
import { exchange, LogLines } from '../http/small-app';
import { makeAccount, startGateway, type Gateway, type TestAccount } from '../support/gateway';
import { until } from '../support/until';

const MIB = 1024 * 1024;
const UNKNOWN_FLOW = '019db49a-860b-74cb-8199-635ca3ad7f59';

const log = new LogLines();
/** Everything that was sent as a credential, valid or not. */
const credentials = new Set<string>();

let gateway: Gateway;
let port: number;
let database: Client;
let account: TestAccount;
let other: TestAccount;
let disabled: TestAccount;

beforeAll(async () => {
  configureLogger(readEnv({ NODE_ENV: 'test', LOG_LEVEL: 'trace' }), log);
  gateway = await startGateway();
  port = Number(new URL(gateway.origin).port);
  database = new Client({ connectionString: gateway.databaseUrl });
  await database.connect();
  account = await makeAccount(gateway, 'acme', null);
  other = await makeAccount(gateway, 'other', null);
  disabled = await makeAccount(gateway, 'disabled', null);
  await gateway.app.get(Accounts).setEnabled('disabled', false, 'test');
  for (const { apiKey, incomingSecret, outgoingSecret } of [account, other, disabled]) {
    for (const secret of [apiKey, incomingSecret, outgoingSecret]) credentials.add(secret);
  }
  await accepted(rest({ body: candidate({ candidate_id: 'c-1' }) }));
});

afterAll(async () => {
  await database.end();
  await gateway.close();
});

type HeaderValues = Record<string, string | string[] | undefined>;

interface Ask {
  readonly method: string;
  readonly path: string;
  readonly headers: HeaderValues;
  readonly body?: string | Buffer;
  readonly chunked?: boolean;
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** Not fetch: it mends paths, folds repeated headers, and refuses some of what strangers send. */
function send({ method, path, headers, body, chunked = false }: Ask): Promise<Answer> {
  remember(headers);
  const given = Object.entries(headers).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]));
  const length = body === undefined || chunked ? {} : { 'Content-Length': Buffer.byteLength(body) };
  return new Promise((resolve, reject) => {
    const sending = request({
      port,
      host: '127.0.0.1',
      method,
      path,
      agent: false,
      headers: { ...Object.fromEntries(given), ...length },
    });
    sending.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
    });
    // After an answer that came early, the rest of the body meets a closed connection: the promise is settled by then.
    sending.on('error', reject);
    if (chunked) sending.setHeader('Transfer-Encoding', 'chunked');
    // As bytes: Node joins a text to the headers and then writes those as UTF-8 too.
    sending.end(body === undefined ? undefined : Buffer.from(body));
  });
}

function remember(headers: HeaderValues): void {
  for (const [name, value] of Object.entries(headers)) {
    if (!/^x-(api-key|webhook-signature)$/i.test(name)) continue;
    for (const text of [value ?? ''].flat()) {
      for (const part of [text, ...text.split(/[,=]/)]) if (part.length >= 16) credentials.add(part);
    }
  }
}

let keys = 0;

function rest({ headers, ...ask }: Partial<Ask>): Ask {
  return {
    method: 'POST',
    path: '/v1/candidates',
    body: ask.method === undefined || ask.method === 'PATCH' ? candidate({}) : undefined,
    ...ask,
    headers: {
      'X-API-Key': account.apiKey,
      'X-ATS-Client-ID': 'client-1',
      'X-ATS-User-ID': 'user-1',
      'Content-Type': 'application/json',
      'Idempotency-Key': `key-${++keys}`,
      ...headers,
    },
  };
}

const now = (): number => Math.floor(Date.now() / 1000);

function hook(body: string | Buffer, { headers, ...ask }: Partial<Ask> = {}): Ask {
  return {
    method: 'POST',
    path: '/v1/webhooks/acme',
    body,
    ...ask,
    headers: {
      'Content-Type': 'application/json',
      'X-Webhook-Signature': signatureHeader([account.incomingSecret], now(), Buffer.from(body)),
      ...headers,
    },
  };
}

function candidate(fields: object): string {
  return JSON.stringify({ candidate_id: 'c-9', first_name: 'A', last_name: 'B', ...fields });
}

function event(fields: object): string {
  const envelope = { event: 'candidate.created', event_id: `evt-${++keys}`, client_id: 'client-1', user_id: 'user-1' };
  return JSON.stringify({ ...envelope, candidate_id: 'c-9', first_name: 'A', last_name: 'B', ...fields });
}

/** How many rows there are of all that a write leaves behind, and what the candidates are. */
async function stored(): Promise<object> {
  const tables = ['flow', 'inbox_message', 'idempotency_key', 'result_event', 'workspace', 'member', 'account'];
  const counts = tables.map((table) => `(select count(*) from ${table}) as ${table}`);
  const candidates = `(select json_agg(c order by c.candidate_id) from candidate c) as candidates`;
  const { rows } = await database.query<object>(`select ${[...counts, candidates].join(', ')}`);
  return rows[0]!;
}

interface Problem {
  readonly status: number;
  readonly detail: string;
  readonly errors?: { readonly field: string; readonly message: string }[];
}

const TITLES: Record<number, string> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  404: 'Not Found',
  409: 'Conflict',
  413: 'Payload Too Large',
  415: 'Unsupported Media Type',
  422: 'Unprocessable Entity',
  431: 'Request Header Fields Too Large',
};

function problemIn({ status, headers, text }: Answer): Problem {
  expect(headers['content-type']).toBe('application/problem+json');
  const problem = JSON.parse(text) as Problem;
  expect(problem).toEqual({
    type: 'about:blank',
    title: TITLES[status],
    status,
    detail: expect.stringMatching(/\S/),
    ...(status === 422 && { errors: expect.any(Array) }),
    request_id: expect.stringMatching(/^[\w.-]{1,64}$/),
  });
  for (const fault of problem.errors ?? []) {
    expect(fault).toEqual({ field: expect.any(String), message: expect.stringMatching(/\S/) });
  }
  expect(text).not.toMatch(
    /\n\s+at |node_modules|\.[jt]s:\d|\b(select|insert into|delete from|unnest|relation|column)\b/i,
  );
  for (const credential of credentials) expect(text).not.toContain(credential);
  return problem;
}

interface Refusal {
  readonly status: number;
  /** The fields that a 422 names, in the order of the answer. */
  readonly fields?: readonly string[];
  readonly detail?: string;
}

/** Asserts the whole promise about bad input, save the log, which the last test reads. */
async function refused(ask: Ask, { status, fields, detail }: Refusal): Promise<Problem> {
  const before = await stored();
  const answer = await send(ask);
  expect([answer.status, answer.text]).toEqual([status, expect.any(String)]);
  const problem = problemIn(answer);
  expect(answer.headers['x-request-id']).toBe((problem as { request_id?: string }).request_id);
  if (fields !== undefined) expect(problem.errors?.map((fault) => fault.field)).toEqual(fields);
  if (detail !== undefined) expect(problem.detail).toBe(detail);
  expect(await stored()).toEqual(before);
  return problem;
}

/** Waits until the write was processed as well, so that it changes nothing under a later test. */
async function accepted(ask: Ask): Promise<void> {
  const answer = await send(ask);
  expect([answer.status, answer.text]).toEqual([202, expect.stringMatching(/^{"reference_id":"[0-9a-f-]{36}"}$/)]);
  await until('the inbox to be empty', async () => {
    const { rowCount } = await database.query('select from inbox_message');
    return rowCount === 0;
  });
}

/** Replaces the text `"@"` of a body by what JSON.stringify would not write. */
function raw(body: string, json: string | Buffer): Buffer {
  const [head = '', tail = ''] = body.split('"@"');
  return Buffer.concat([Buffer.from(head), Buffer.from(json), Buffer.from(tail)]);
}

const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);

type Build = (fields: object) => string;
type BodyCase = [name: string, body: (build: Build) => string | Buffer, refusal: Refusal];

const fields = (...names: string[]): Refusal => ({ status: 422, fields: names });
const MALFORMED: Refusal = { status: 400, detail: 'The body is not valid JSON' };
const NOT_UTF8: Refusal = { status: 400, detail: 'The body is not valid UTF-8' };

const withField =
  (name: string, value: unknown) =>
  (build: Build): string =>
    build({ [name]: value });

/** A field whose value is JSON text that JSON.stringify would not write. */
const withText =
  (name: string, json: string | Buffer) =>
  (build: Build): Buffer =>
    raw(build({ [name]: '@' }), json);

const BODIES: BodyCase[] = [
  ['nothing', () => '', MALFORMED],
  ['half a body', (build) => build({}).slice(0, -5), MALFORMED],
  ['a trailing comma', (build) => `${build({}).slice(0, -1)},}`, MALFORMED],
  ['two bodies in a row', (build) => build({}).repeat(2), MALFORMED],
  ['single quotes', (build) => build({}).replaceAll('"', "'"), MALFORMED],
  ['NaN', withText('custom_fields', '{"n":NaN}'), MALFORMED],
  ['a raw line break in a string', withText('headline', '"a\nb"'), MALFORMED],
  ['a raw NUL in a string', withText('headline', '"a\0b"'), MALFORMED],
  ['100,000 levels that never close', (build) => raw(build({ custom_fields: '@' }), '['.repeat(100_000)), MALFORMED],
  ['a byte that is no UTF-8', withText('headline', Buffer.from([0x22, 0xff, 0x22])), NOT_UTF8],
  ['an overlong NUL', withText('headline', Buffer.from([0x22, 0xc0, 0x80, 0x22])), NOT_UTF8],
  ['a surrogate as UTF-8', withText('headline', Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22])), NOT_UTF8],
  ['a sequence that is cut off', (build) => Buffer.concat([Buffer.from(build({})), Buffer.from([0xe2])]), NOT_UTF8],
  ['UTF-16', (build) => Buffer.from(`\ufeff${build({})}`, 'utf16le'), NOT_UTF8],
  ['null', () => 'null', fields('body')],
  ['an array', (build) => `[${build({})}]`, fields('body')],
  ['a string', () => '"candidate"', fields('body')],
  ['a number', () => '17', fields('body')],
  ['65 levels', withText('custom_fields', `{"a":${nested(63)}}`), { status: 422 }],
  ['50,000 levels', withText('custom_fields', `{"a":${nested(50_000)}}`), { status: 422 }],
  ['500,000 levels at the root', () => nested(500_000), { status: 422 }],
  ['a lone high surrogate', withText('headline', '"a\\ud800b"'), fields('headline')],
  ['a lone low surrogate', withText('skills', '["Go","\\udc00"]'), fields('skills.1')],
  ['surrogates the wrong way round', withText('headline', '"\\udc00\\ud800"'), fields('headline')],
  ['a lone surrogate in a name', withText('custom_fields', '{"\\ud800":1}'), fields('custom_fields.\ud800')],
  ['a lone surrogate in an id', withText('candidate_id', '"\\ud800"'), fields('candidate_id')],
  ['NUL in a string', withField('headline', 'a\0b'), fields('headline')],
  ['NUL in an id', withField('candidate_id', 'a\0b'), fields('candidate_id')],
  ['NUL in a list', withField('skills', ['a', 'b\0']), fields('skills.1')],
  ['NUL far down', withField('experience', [{ a: { b: ['\0'] } }]), fields('experience.0.a.b.0')],
  ['NUL in a name', withField('custom_fields', { 'a\0b': 1 }), fields('custom_fields.a\0b')],
  ['NUL in the name of a field', withField('a\0b', 1), fields('a\0b')],
  ['1e400', withText('custom_fields', '{"n":1e400}'), fields('custom_fields.n')],
  ['-1e400', withText('custom_fields', '{"n":-1e400}'), fields('custom_fields.n')],
  ['2^60', withText('custom_fields', '{"n":1152921504606846976}'), fields('custom_fields.n')],
  ['a number of 100,000 digits', withText('custom_fields', `{"n":${'9'.repeat(100_000)}}`), fields('custom_fields.n')],
  ['unknown fields', (build) => build({ nick: 1, age: 2 }), fields('nick', 'age')],
  [
    '__proto__ as a field',
    (build) => raw(build({ x: '@' }), '1,"__proto__":{"first_name":"A"}'),
    fields('x', '__proto__'),
  ],
  ['constructor as a field', withField('constructor', { prototype: {} }), fields('constructor')],
  ['toString as a field', withField('toString', 1), fields('toString')],
  ['the name of another way’s field', withField('reference_id', 'r'), fields('reference_id')],
  ['a name of 100,000 characters', withField('x'.repeat(100_000), 1), fields(`${'x'.repeat(200)}…`)],
  ['null for a required field', withField('first_name', null), fields('first_name')],
  ['an empty required field', withField('last_name', ''), fields('last_name')],
  ['a blank required field', withField('last_name', ' \u00a0\n'), fields('last_name')],
  ['a number for a text', withField('first_name', 7), fields('first_name')],
  ['an object for a text', withField('first_name', {}), fields('first_name')],
  ['a list for a text', withField('headline', ['a']), fields('headline')],
  ['a text that is too long', withField('first_name', 'x'.repeat(501)), fields('first_name')],
  ['an address that is none', withField('email', 'nobody'), fields('email')],
  ['an address that is a list', withField('email', ['a@example.com']), fields('email')],
  ['a script for a URL', withField('linkedin_url', 'javascript:alert(1)'), fields('linkedin_url')],
  ['a text for a list', withField('skills', 'Go'), fields('skills')],
  ['an object for a list', withField('skills', { length: 1, 0: 'Go' }), fields('skills')],
  ['wrong items', withField('skills', ['Go', 1, null]), fields('skills.1', 'skills.2')],
  ['too many items', withField('skills', Array.from({ length: 1001 }, String)), fields('skills')],
  ['texts for objects', withField('experience', ['Acme']), fields('experience.0')],
  ['a list for an object', withField('custom_fields', []), fields('custom_fields')],
  ['a text for an object', withField('custom_fields', 'x'), fields('custom_fields')],
  ['a text for a file', withField('cv', 'file'), fields('cv')],
  ['a file without its id', withField('cv', {}), fields('cv.carv_file_id')],
  ['a file that names its constructor', withField('cv', { constructor: 1 }), fields('cv.carv_file_id')],
  ['no id', withField('candidate_id', undefined), fields('candidate_id')],
  ['null for an id', withField('candidate_id', null), fields('candidate_id')],
  ['an id of 0 characters', withField('candidate_id', ''), fields('candidate_id')],
  ['an id of 201 characters', withField('candidate_id', 'x'.repeat(201)), fields('candidate_id')],
  ['an id of 201 characters beyond the BMP', withField('candidate_id', '😀'.repeat(201)), fields('candidate_id')],
  ['a number for an id', withField('candidate_id', 1), fields('candidate_id')],
  ['a space before an id', withField('candidate_id', ' c-9'), fields('candidate_id')],
  ['a line break in an id', withField('candidate_id', 'c\n9'), fields('candidate_id')],
  ['a zero-width space in an id', withField('candidate_id', 'c\u200b9'), fields('candidate_id')],
  ['a direction mark in an id', withField('candidate_id', 'c\u202e9'), fields('candidate_id')],
  ['every field wrong', () => '{}', { status: 422 }],
  ['2 MiB', withField('headline', 'x'.repeat(2 * MIB)), { status: 413 }],
  ['1 MiB and a byte', (build) => build({}).padEnd(MIB + 1), { status: 413 }],
];

describe('a bad body is refused, changes nothing', () => {
  test.each(BODIES)('over REST: %s', async (_, body, refusal) => {
    await refused(rest({ body: body(candidate) }), refusal);
  });

  test.each(BODIES)('as a signed webhook: %s', async (_, body, refusal) => {
    await refused(hook(body(event)), refusal);
  });

  test('each of a hundred faults is named, and no more than that', async () => {
    const many = Object.fromEntries(Array.from({ length: 150 }, (_, n) => [`extra_${n}`, n]));
    const { errors } = await refused(rest({ body: candidate(many) }), { status: 422 });
    expect(errors).toHaveLength(100);
  });

  test.each([
    ['missing', {}, ['candidate_id', 'first_name', 'last_name']],
    ['null', { candidate_id: null, first_name: null, last_name: null }, ['candidate_id', 'first_name', 'last_name']],
  ])('every required field that is %s is named', async (_, body, names) => {
    await refused(rest({ body: JSON.stringify(body) }), fields(...names));
  });

  test('an id of 200 characters beyond the BMP is accepted wherever an id may stand', async () => {
    const long = '😀'.repeat(200);
    const workspace = { client_id: long, name: 'Long', admin_name: 'Ann', admin_email: 'ann@example.com' };
    await accepted(rest({ path: '/v1/workspaces', body: JSON.stringify(workspace) }));
    await accepted(hook(event({ event_id: long, client_id: long, user_id: long, candidate_id: long })));
    const encoded = Buffer.from(long).toString('latin1');
    const headers = { 'X-ATS-Client-ID': encoded, 'X-ATS-User-ID': encoded, 'Idempotency-Key': 'x'.repeat(255) };
    await accepted(rest({ method: 'PATCH', path: `/v1/candidates/${encodeURIComponent(long)}`, body: '{}', headers }));
  });

  test('a body of exactly 1 MiB is accepted', async () => {
    await accepted(rest({ body: candidate({ candidate_id: 'c-big' }).padEnd(MIB) }));
  });
});

describe('a wrong content type is refused with 415', () => {
  const TYPES: [string | undefined][] = [
    [undefined],
    ['text/plain'],
    ['text/json'],
    ['application/jsonx'],
    ['application/x-www-form-urlencoded'],
    ['multipart/form-data; boundary=x'],
    ['application/json; charset=latin1'],
    ['application/json, application/json'],
    ['application/merge-patch+json'],
    ['*/*'],
  ];

  test.each(TYPES)('over REST: %s', async (type) => {
    await refused(rest({ headers: { 'Content-Type': type } }), { status: 415 });
  });

  test.each(TYPES)('as a signed webhook: %s', async (type) => {
    await refused(hook(event({}), { headers: { 'Content-Type': type } }), { status: 415 });
  });

  test.each(['gzip', 'br', 'deflate', 'gzip, identity', 'x-unknown'])('a body in the coding %s', async (coding) => {
    const headers = { 'Content-Encoding': coding };
    await refused(rest({ body: gzipSync(candidate({})), headers }), { status: 415 });
    await refused(hook(gzipSync(event({})), { headers }), { status: 415 });
  });

  test('PATCH takes application/merge-patch+json, and nothing else beside JSON', async () => {
    const patch = { method: 'PATCH', path: '/v1/candidates/c-1', body: '{"headline":"x"}' };
    await accepted(rest({ ...patch, headers: { 'Content-Type': 'application/merge-patch+json' } }));
    await refused(rest({ ...patch, headers: { 'Content-Type': 'application/json-patch+json' } }), { status: 415 });
  });
});

describe('a wrong API key is refused with the documented 401', () => {
  const REFUSAL: Refusal = { status: 401, detail: 'Invalid or missing API key' };

  const KEYS: [name: string, key: () => string | string[] | undefined][] = [
    ['none', () => undefined],
    ['an empty one', () => ''],
    ['an unknown one', () => 'carv_0000000000000000000000000000000000000000000'],
    ['one of another case', () => account.apiKey.toUpperCase()],
    ['one that is cut', () => account.apiKey.slice(0, -1)],
    ['the right one twice', () => [account.apiKey, account.apiKey]],
    ['the incoming secret', () => account.incomingSecret],
    ['the id of the account', () => account.atsId],
    ['one of 8,000 characters', () => 'x'.repeat(8000)],
    ['one beyond ASCII', () => 'clé-secrète-ÿÿÿÿÿÿ'],
    ['that of a disabled account', () => disabled.apiKey],
  ];

  const ROUTES: [method: string, path: string, body: string | undefined][] = [
    ['POST', '/v1/candidates', '{}'],
    ['PATCH', '/v1/candidates/c-1', '{}'],
    ['DELETE', '/v1/candidates/c-1', undefined],
    ['GET', '/v1/candidates/c-1', undefined],
    ['GET', '/v1/candidates?limit=nonsense', undefined],
    ['GET', `/v1/flows/${UNKNOWN_FLOW}`, undefined],
    ['GET', '/v1/flows/nonsense', undefined],
    ['POST', '/v1/workspaces', '{'],
    ['POST', '/v1/workspaces/client-1/members', '{}'],
  ];

  test.each(KEYS)('%s', async (_, key) => {
    await refused(rest({ headers: { 'X-API-Key': key() } }), REFUSAL);
  });

  test.each(ROUTES)('before anything else is judged: %s %s', async (method, path, body) => {
    const headers = {
      'X-API-Key': 'wrong-key-of-a-stranger',
      'X-ATS-Client-ID': undefined,
      'Content-Type': 'text/plain',
    };
    await refused(rest({ method, path, body, headers }), REFUSAL);
  });

  test('not even in the query, the body or another header', async () => {
    const headers = {
      'X-API-Key': undefined,
      Authorization: `Bearer ${account.apiKey}`,
      Cookie: `api_key=${account.apiKey}`,
    };
    await refused(rest({ path: `/v1/candidates?api_key=${account.apiKey}`, headers }), REFUSAL);
  });
});

describe('a bad context header is refused with 422, which names it', () => {
  const CLIENT = 'X-ATS-Client-ID';
  const USER = 'X-ATS-User-ID';

  test.each<[name: string, headers: HeaderValues, names: string[]]>([
    ['no client', { [CLIENT]: undefined }, [CLIENT]],
    ['no user', { [USER]: undefined }, [USER]],
    ['neither', { [CLIENT]: undefined, [USER]: undefined }, [CLIENT, USER]],
    ['empty', { [CLIENT]: '', [USER]: '' }, [CLIENT, USER]],
    ['blank', { [CLIENT]: ' \t ' }, [CLIENT]],
    ['201 characters', { [CLIENT]: 'x'.repeat(201), [USER]: 'x'.repeat(201) }, [CLIENT, USER]],
    ['8,000 characters', { [USER]: 'x'.repeat(8000) }, [USER]],
    ['a tab inside', { [USER]: 'a\tb' }, [USER]],
    ['a C1 control', { [USER]: Buffer.from('a\u0085b').toString('latin1') }, [USER]],
    ['an overlong NUL', { [USER]: 'a\u00c0\u0080b' }, [USER]],
    ['an empty idempotency key', { 'Idempotency-Key': '' }, ['Idempotency-Key']],
    ['an idempotency key of 256 characters', { 'Idempotency-Key': 'x'.repeat(256) }, ['Idempotency-Key']],
    ['two idempotency keys', { 'Idempotency-Key': ['a', 'b'] }, ['Idempotency-Key']],
    ['an idempotency key beyond ASCII', { 'Idempotency-Key': 'clé' }, ['Idempotency-Key']],
  ])('%s', async (_, headers, names) => {
    await refused(rest({ headers }), fields(...names));
    await refused(rest({ method: 'PATCH', path: '/v1/candidates/c-1', body: '{}', headers }), fields(...names));
    await refused(rest({ method: 'DELETE', path: '/v1/candidates/c-1', headers }), fields(...names));
  });

  test.each(['/v1/candidates', '/v1/candidates/c-1'])('a read needs the client alone: %s', async (path) => {
    await refused(rest({ method: 'GET', path, headers: { [CLIENT]: undefined } }), fields(CLIENT));
    expect((await send(rest({ method: 'GET', path, headers: { [USER]: undefined } }))).status).toBe(200);
  });

  test('two values in one header are one id, which names no workspace', async () => {
    await refused(rest({ headers: { [CLIENT]: ['client-1', 'client-1'] } }), { status: 409 });
  });
});

describe('a client without a workspace is refused with 409', () => {
  const headers = { 'X-ATS-Client-ID': 'nobody' };

  test.each<[string, () => Ask]>([
    ['POST', () => rest({ headers })],
    ['PATCH', () => rest({ method: 'PATCH', path: '/v1/candidates/c-1', body: '{}', headers })],
    ['DELETE', () => rest({ method: 'DELETE', path: '/v1/candidates/c-1', headers })],
    ['GET', () => rest({ method: 'GET', path: '/v1/candidates/c-1', headers })],
    ['GET list', () => rest({ method: 'GET', headers })],
    ['members', () => rest({ path: '/v1/workspaces/nobody/members', body: member({}) })],
    ['webhook', () => hook(event({ client_id: 'nobody' }))],
    [
      'webhook members',
      () =>
        hook(
          JSON.stringify({
            ...JSON.parse(member({})),
            event: 'workspace.member_added',
            event_id: 'm-1',
            client_id: 'nobody',
          }),
        ),
    ],
    [
      'the workspace of another account',
      () => rest({ headers: { 'X-API-Key': other.apiKey, 'X-ATS-Client-ID': 'client-9' } }),
    ],
  ])('%s', async (_, ask) => {
    await refused(ask(), { status: 409 });
  });
});

function workspace(changes: object): string {
  return JSON.stringify({
    client_id: 'w-9',
    name: 'Nine',
    admin_name: 'Ann',
    admin_email: 'ann@example.com',
    ...changes,
  });
}

function member(changes: object): string {
  return JSON.stringify({ user_id: 'u-9', name: 'Bob', email: 'bob@example.com', ...changes });
}

describe('a bad workspace or member is refused with 422', () => {
  test.each<[name: string, changes: object, names: string[]]>([
    [
      'nothing',
      { client_id: undefined, name: undefined, admin_name: undefined, admin_email: undefined },
      ['client_id', 'name', 'admin_name', 'admin_email'],
    ],
    [
      'wrong types',
      { client_id: 1, name: [], admin_name: {}, admin_email: true },
      ['client_id', 'name', 'admin_name', 'admin_email'],
    ],
    ['blank names', { name: ' ', admin_name: '\n' }, ['name', 'admin_name']],
    ['NUL', { name: 'a\0b' }, ['name']],
    ['unknown fields', { plan: 'free', constructor: 1 }, ['plan', 'constructor']],
  ])('workspace: %s', async (_, changes, names) => {
    await refused(rest({ path: '/v1/workspaces', body: workspace(changes) }), fields(...names));
  });

  test.each<[name: string, changes: object, names: string[]]>([
    ['nothing', { user_id: undefined, name: undefined, email: undefined }, ['user_id', 'name', 'email']],
    ['wrong types', { user_id: null, name: 1, email: {} }, ['user_id', 'name', 'email']],
    ['an id of 201 characters', { user_id: 'x'.repeat(201) }, ['user_id']],
    ['unknown fields', { client_id: 'client-1' }, ['client_id']],
  ])('member: %s', async (_, changes, names) => {
    await refused(rest({ path: '/v1/workspaces/client-1/members', body: member(changes) }), fields(...names));
  });

  test('member: a workspace id that is none', async () => {
    await refused(rest({ path: '/v1/workspaces/%00/members', body: member({}) }), fields('client_id'));
  });
});

describe('a bad PATCH is refused with 422', () => {
  test.each<[name: string, patch: object, names: string[]]>([
    ['null for the id', { candidate_id: null }, ['candidate_id']],
    ['null for required fields', { first_name: null, last_name: null }, ['first_name', 'last_name']],
    ['another id than the path’s', { candidate_id: 'c-2' }, ['candidate_id']],
    ['unknown fields', { nick: null }, ['nick']],
    ['a wrong type', { skills: { 0: 'Go' } }, ['skills']],
  ])('%s', async (_, patch, names) => {
    await refused(rest({ method: 'PATCH', path: '/v1/candidates/c-1', body: JSON.stringify(patch) }), fields(...names));
  });

  test.each(['first_name', 'last_name'])('candidate.updated with null for %s', async (name) => {
    await refused(hook(event({ event: 'candidate.updated', [name]: null })), fields(name));
  });
});

describe('an event that is none is refused with 422', () => {
  test.each([
    ['constructor'],
    ['__proto__'],
    ['toString'],
    ['hasOwnProperty'],
    [''],
    ['candidate'],
    ['candidate.exploded'],
    ['Candidate.created'],
    ['candidate.created '],
    ['meeting.notes_ready'],
    ['x'.repeat(100_000)],
    [1],
    [null],
    [['candidate.created']],
    [{ event: 'candidate.created' }],
    [undefined],
  ])('%p', async (name) => {
    const { detail } = await refused(hook(event({ event: name })), fields('event'));
    expect(detail.length).toBeLessThan(200);
  });

  test.each([
    ['missing', undefined],
    ['null', null],
    ['a number', 1],
    ['empty', ''],
    ['blank', '   '],
    ['of 201 characters', 'x'.repeat(201)],
    ['a list', ['evt']],
  ])('its ids %s', async (_, value) => {
    const names = ['event_id', 'client_id', 'user_id'];
    await refused(hook(event(Object.fromEntries(names.map((name) => [name, value])))), fields(...names));
  });

  test('candidate.deleted with anything but the id', async () => {
    await refused(hook(event({ event: 'candidate.deleted' })), fields('first_name', 'last_name'));
  });
});

describe('a bad signature is refused with 401, whatever is wrong with it', () => {
  const body = event({});
  const v1 = (t: number | string, secret = account.incomingSecret): string =>
    sign(secret, Number(t), Buffer.from(body));

  type Header = string | string[] | undefined;
  const HEADERS: [name: string, header: () => Header][] = [
    ['no header', () => undefined],
    ['an empty one', () => ''],
    ['no t', () => `v1=${v1(now())}`],
    ['an empty t', () => `t=,v1=${v1(0)}`],
    ['two t', () => `t=${now()},t=${now()},v1=${v1(now())}`],
    ['two headers', () => [`t=${now()},v1=${v1(now())}`, `t=${now()},v1=${v1(now())}`]],
    ['a t that is no number', () => `t=soon,v1=${v1(now())}`],
    ['a t with a sign', () => `t=+${now()},v1=${v1(now())}`],
    ['a t with a fraction', () => `t=${now()}.0,v1=${v1(now())}`],
    ['a t in hex', () => `t=0x${now().toString(16)},v1=${v1(now())}`],
    ['a t of 20 digits', () => `t=99999999999999999999,v1=${v1(now())}`],
    ['a t of 20 digits that is now', () => `t=${String(now()).padStart(20, '0')},v1=${v1(now())}`],
    ['no v1', () => `t=${now()}`],
    ['an empty v1', () => `t=${now()},v1=`],
    ['a short v1', () => `t=${now()},v1=${v1(now()).slice(0, 63)}`],
    ['a long v1', () => `t=${now()},v1=${v1(now())}0`],
    ['a v1 that is no hex', () => `t=${now()},v1=${'g'.repeat(64)}`],
    ['a v1 in capitals', () => `t=${now()},v1=${v1(now()).toUpperCase()}`],
    ['a v0', () => `t=${now()},v0=${v1(now())}`],
    ['several v1, none valid', () => `t=${now()},v1=${v1(now(), other.incomingSecret)},v1=${v1(now(), 'x')}`],
    ['the v1 of another t', () => `t=${now()},v1=${v1(now() - 1)}`],
    ['the outgoing secret', () => `t=${now()},v1=${v1(now(), account.outgoingSecret)}`],
    ['the API key as secret', () => `t=${now()},v1=${v1(now(), account.apiKey)}`],
    ['another account’s secret', () => `t=${now()},v1=${v1(now(), other.incomingSecret)}`],
    ['an empty secret', () => `t=${now()},v1=${v1(now(), '')}`],
    ['301 s old', () => `t=${now() - 301},v1=${v1(now() - 301)}`],
    // By as much as may pass until it is judged: the bound itself is test/signing/signature.spec.ts's.
    ['more than 300 s ahead', () => `t=${now() + 360},v1=${v1(now() + 360)}`],
    ['t = 0', () => `t=0,v1=${v1(0)}`],
    ['a valid part hidden behind a hundred others', () => `t=${now()}${',v1=00'.repeat(100)},v1=${v1(now())}`],
    ['8,000 characters', () => `t=${now()},v1=${v1(now())},${'x'.repeat(8000)}`],
    ['characters beyond ASCII', () => `t=${now()},v1=ÿÿÿÿ`],
  ];

  test.each(HEADERS)('%s', async (_, header) => {
    await refused(hook(body, { headers: { 'X-Webhook-Signature': header() } }), {
      status: 401,
      detail: 'Invalid or missing webhook signature',
    });
  });

  test.each<[string, () => Ask]>([
    [
      'of another body',
      () =>
        hook(`${body} `, {
          headers: { 'X-Webhook-Signature': signatureHeader([account.incomingSecret], now(), Buffer.from(body)) },
        }),
    ],
    ['before the body is even JSON', () => hook('{', { headers: { 'X-Webhook-Signature': 't=1,v1=0' } })],
    [
      'before the content type',
      () => hook(body, { headers: { 'X-Webhook-Signature': 't=1,v1=0', 'Content-Type': 'text/plain' } }),
    ],
    [
      'with an API key beside it',
      () => hook(body, { headers: { 'X-Webhook-Signature': undefined, 'X-API-Key': account.apiKey } }),
    ],
  ])('%s', async (_, ask) => {
    await refused(ask(), { status: 401, detail: 'Invalid or missing webhook signature' });
  });

  test.each<[string, string, () => string]>([
    ['an unknown account', '/v1/webhooks/nobody', () => account.incomingSecret],
    ['a disabled account', '/v1/webhooks/disabled', () => disabled.incomingSecret],
    ['an account named %00', '/v1/webhooks/%00', () => account.incomingSecret],
    ['an account named acme%00', '/v1/webhooks/acme%00', () => account.incomingSecret],
    ['an account in another case', '/v1/webhooks/ACME', () => account.incomingSecret],
    ['an account named constructor', '/v1/webhooks/constructor', () => account.incomingSecret],
    ['an account of 8,000 characters', `/v1/webhooks/${'x'.repeat(8000)}`, () => account.incomingSecret],
    ['an account in Unicode', '/v1/webhooks/%F0%9F%98%80', () => account.incomingSecret],
    ['the secret that unknown accounts are checked against', '/v1/webhooks/nobody', () => 'no account has this secret'],
  ])('%s looks exactly like it', async (_, path, secret) => {
    const asBad = await send(hook(body, { headers: { 'X-Webhook-Signature': `t=${now()},v1=${'0'.repeat(64)}` } }));
    const ask = hook(body, {
      path,
      headers: { 'X-Webhook-Signature': signatureHeader([secret()], now(), Buffer.from(body)) },
    });
    await refused(ask, { status: 401 });
    const answer = await send(ask);
    const comparable = ({ status, headers, text }: Answer) => ({
      status,
      headers: { ...headers, date: '', 'x-request-id': '' },
      body: { ...(JSON.parse(text) as object), request_id: '' },
    });
    expect(comparable(answer)).toEqual(comparable(asBad));
  });

  test.each<[string, (raw: Buffer) => string]>([
    ['299 s old', (raw) => signatureHeader([account.incomingSecret], now() - 299, raw)],
    ['299 s ahead', (raw) => signatureHeader([account.incomingSecret], now() + 299, raw)],
    ['several v1, the first one valid', (raw) => signatureHeader([account.incomingSecret, 'x', 'y'], now(), raw)],
    ['several v1, the last one valid', (raw) => signatureHeader(['x', 'y', account.incomingSecret], now(), raw)],
    [
      'a malformed v1 before a valid one',
      (raw) => signatureHeader([account.incomingSecret], now(), raw).replace(',', ',v1=zz,'),
    ],
    ['a scheme to come beside it', (raw) => `${signatureHeader([account.incomingSecret], now(), raw)},v2=abc`],
  ])('%s is accepted', async (_, header) => {
    const fresh = event({});
    await accepted(hook(fresh, { headers: { 'X-Webhook-Signature': header(Buffer.from(fresh)) } }));
  });
});

describe('ids in paths', () => {
  test.each([
    ['%00'],
    ['a%00b'],
    ['%20a'],
    ['a%0Ab'],
    ['%E2%80%8B'],
    ['%E2%80%AE'],
    ['x'.repeat(201)],
    ['%F0%9F%98%80'.repeat(201)],
  ])('%s is refused with 422, which names it', async (id) => {
    const path = `/v1/candidates/${id}`;
    await refused(rest({ method: 'GET', path }), fields('candidate_id'));
    await refused(rest({ method: 'DELETE', path }), fields('candidate_id'));
    await refused(rest({ method: 'PATCH', path, body: '{}' }), fields('candidate_id'));
  });

  test.each([['%'], ['%zz'], ['%ff'], ['%C0%80'], ['%ED%A0%80']])('%s is no text and refused with 400', async (id) => {
    await refused(rest({ method: 'GET', path: `/v1/candidates/${id}` }), { status: 400 });
    await refused(rest({ method: 'DELETE', path: `/v1/candidates/${id}` }), { status: 400 });
    await refused(hook(event({}), { path: `/v1/webhooks/${id}` }), { status: 400 });
  });

  test.each([
    ['%2F'],
    ['..%2F..%2Fetc%2Fpasswd'],
    ['a%2Fb%3Fc%23d'],
    ['%F0%9F%98%80'],
    ['%25'],
    ['constructor'],
    ['__proto__'],
    ["'; drop table candidate; --".replaceAll(' ', '%20')],
    ['x'.repeat(200)],
  ])('%s is an id like any other', async (id) => {
    await refused(rest({ method: 'GET', path: `/v1/candidates/${id}` }), { status: 404 });
    await accepted(rest({ body: candidate({ candidate_id: decodeURIComponent(id) }) }));
    const { status, text } = await send(rest({ method: 'GET', path: `/v1/candidates/${id}` }));
    expect([status, (JSON.parse(text) as { candidate_id: string }).candidate_id]).toEqual([
      200,
      decodeURIComponent(id),
    ]);
  });

  test.each([
    ['unknown', () => UNKNOWN_FLOW],
    ['no UUID', () => 'nonsense'],
    ['NUL', () => '%00'],
    ['a UUID and more', () => `${UNKNOWN_FLOW}0`],
    ['a UUID without dashes', () => UNKNOWN_FLOW.replaceAll('-', '')],
    ['8,000 characters', () => 'x'.repeat(8000)],
    ['SQL', () => `${UNKNOWN_FLOW}'%20or%20true--`],
  ])('a reference_id that is %s answers 404', async (_, id) => {
    await refused(rest({ method: 'GET', path: `/v1/flows/${id()}` }), { status: 404 });
  });

  test('another account’s reference_id answers as an unknown one', async () => {
    const { rows } = await database.query<{ id: string }>(
      "select reference_id as id from flow where ats_id = 'acme' limit 1",
    );
    const path = `/v1/flows/${rows[0]!.id}`;
    expect((await send(rest({ method: 'GET', path }))).status).toBe(200);
    const headers = { 'X-API-Key': other.apiKey };
    const foreign = await refused(rest({ method: 'GET', path, headers }), { status: 404 });
    const unknown = await refused(rest({ method: 'GET', path: `/v1/flows/${UNKNOWN_FLOW}`, headers }), { status: 404 });
    expect({ ...foreign, request_id: '' }).toEqual({ ...unknown, request_id: '' });
  });
});

describe('unknown routes and methods', () => {
  test.each([
    ['GET', '/'],
    ['GET', '/v1'],
    ['GET', '/v1/nothing'],
    ['POST', '/v1/nothing'],
    ['GET', '/v1/candidates/c-1/more'],
    ['PUT', '/v1/candidates/c-1'],
    ['PUT', '/v1/candidates'],
    ['PATCH', '/v1/candidates/'],
    ['DELETE', '/v1/candidates'],
    ['POST', `/v1/flows/${UNKNOWN_FLOW}`],
    ['GET', '/v1/webhooks/acme'],
    ['POST', '/v1/webhooks'],
    ['PUT', '/v1/webhooks/acme'],
    ['POST', '/v1/candidates/../../etc/passwd'],
    ['GET', '/%00'],
    ['GET', '/%ff'],
    ['GET', '//v1//candidates'],
    ['TRACE', '/v1/candidates'],
    ['PROPFIND', '/v1/candidates'],
    ['OPTIONS', '/v1/candidates'],
    ['OPTIONS', '/v1/nothing'],
    ['OPTIONS', '*'],
  ])('%s %s answers 404', async (method, path) => {
    await refused(rest({ method, path, ...(method === 'POST' && { body: candidate({}) }) }), { status: 404 });
  });

  test.each<[name: string, path: string, headers: HeaderValues, status: number]>([
    ['one that exists', '/v1/candidates/c-1', {}, 200],
    ['one that does not', '/v1/candidates/c-404', {}, 404],
    ['without a key', '/v1/candidates/c-1', { 'X-API-Key': undefined }, 401],
    ['an unknown route', '/v1/nothing', {}, 404],
    ['a route that only writes', '/v1/webhooks/acme', {}, 404],
  ])('HEAD of %s has a status and no body', async (_, path, headers, status) => {
    const before = await stored();
    const answer = await send(rest({ method: 'HEAD', path, headers }));
    expect([answer.status, answer.text]).toEqual([status, '']);
    expect(await stored()).toEqual(before);
  });
});

describe('bodies where none belongs, and bodies in pieces', () => {
  test('GET and DELETE take no notice of a body', async () => {
    const read = await send(rest({ method: 'GET', path: '/v1/candidates/c-1', body: '{' }));
    expect(read.status).toBe(200);
    await accepted(rest({ method: 'DELETE', path: '/v1/candidates/c-404', body: '{"candidate_id":"c-1"}' }));
    expect((await send(rest({ method: 'GET', path: '/v1/candidates/c-1' }))).status).toBe(200);
  });

  test.each(['GET', 'DELETE', 'OPTIONS'])('%s has the same limit for it', async (method) => {
    await refused(rest({ method, path: '/v1/candidates/c-1', body: Buffer.alloc(2 * MIB) }), { status: 413 });
  });

  test('chunks are a body like any other', async () => {
    await accepted(rest({ body: candidate({ candidate_id: 'c-chunks' }), chunked: true }));
    await refused(rest({ body: '{', chunked: true }), MALFORMED);
    await refused(rest({ body: Buffer.alloc(2 * MIB), chunked: true }), { status: 413 });
    await refused(hook(Buffer.alloc(2 * MIB), { chunked: true }), { status: 413 });
  });

  test.each(['Content-Length: 1000\r\n\r\n{"candidate_id"', 'Transfer-Encoding: chunked\r\n\r\n5\r\n{"can'])(
    'an upload that is broken off leaves nothing: %j',
    async (rest) => {
      const before = await stored();
      const lines = log.named('request.completed').length;
      const socket = connect(port, '127.0.0.1');
      socket.write(
        `${head('POST', '/v1/candidates')}Content-Type: application/json\r\nExpect: 100-continue\r\n${rest}`,
      );
      // It answers so once it has begun to read.
      await new Promise((resolve) => socket.once('data', resolve));
      socket.destroy();
      await until('the line of the log', () => log.named('request.completed').length > lines);
      expect(log.named('request.completed').at(-1)).toMatchObject({ aborted: true });
      expect(await stored()).toEqual(before);
    },
  );
});

function head(method: string, path: string): string {
  const context = 'X-ATS-Client-ID: client-1\r\nX-ATS-User-ID: user-1\r\n';
  return `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nX-API-Key: ${account.apiKey}\r\n${context}`;
}

/** Over a bare socket: these are no HTTP, and no client would send them. */
describe('what is no HTTP has the same shape of answer', () => {
  const CONTENT = 'Content-Type: application/json\r\n';

  test.each<[name: string, bytes: () => string, status: number]>([
    [
      'NUL in a context header',
      () => `${head('POST', '/v1/candidates')}X-ATS-User-ID: a\0b\r\n${CONTENT}Content-Length: 2\r\n\r\n{}`,
      400,
    ],
    ['NUL in the path', () => `${head('GET', '/v1/candidates/a\0b')}\r\n`, 400],
    ['a header without a name', () => `${head('GET', '/v1/candidates')}: x\r\n\r\n`, 400],
    [
      'a length that is no number',
      () => `${head('POST', '/v1/candidates')}${CONTENT}Content-Length: two\r\n\r\n{}`,
      400,
    ],
    [
      'length and chunks at once',
      () =>
        `${head('POST', '/v1/candidates')}${CONTENT}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      400,
    ],
    ['no request line', () => 'nonsense\r\n\r\n', 400],
    [
      '20,000 characters of headers',
      () => `${head('GET', '/v1/candidates')}X-Padding: ${'x'.repeat(20_000)}\r\n\r\n`,
      431,
    ],
  ])('%s', async (_, bytes, status) => {
    const before = await stored();
    const answer = await exchange(port, Buffer.from(bytes(), 'latin1'));
    const [front = '', text = ''] = answer.split('\r\n\r\n');
    expect(front).toContain(`HTTP/1.1 ${status} `);
    const type = /^content-type: (.*)$/im.exec(front)?.[1];
    problemIn({ status, headers: { 'content-type': type }, text });
    expect(await stored()).toEqual(before);
  });
});

describe('after all this', () => {
  test('the log holds no key, no secret and no signature, and nothing went wrong inside', () => {
    const lines = log.lines.map((line) => JSON.stringify(line));
    expect(log.named('request.completed').length).toBeGreaterThan(300);
    for (const credential of credentials) {
      expect(lines.filter((line) => line.includes(credential))).toEqual([]);
    }
    expect(log.named('request.failed')).toEqual([]);
    expect(log.lines.filter((line) => line.level === 'error' || line.level === 'warn')).toEqual([]);
  });

  test('the gateway still serves', async () => {
    await accepted(rest({ body: candidate({ candidate_id: 'c-after' }) }));
  });
});
