import type { ServerResponse } from 'node:http';
import { makePortalUser, type Answer } from '../support/portal';
import { openPortalAccount, wordsOf, type PortalAccount } from '../support/portal-account';

const HERE = '/portal/testing';
const XSS = `"><script>alert(1)</script><img src=x onerror=alert(1)></textarea></pre>'`;
/** As it would have to stand in a page to do harm. */
const HARM = /<script>|<img /;

let portal: PortalAccount;

beforeAll(async () => {
  portal = await openPortalAccount({ DELIVERY_TIMEOUT_MS: '700' });
  await makePortalUser(portal.gateway, 'acme', 'viewer@acme.example', 'viewer');
  await makePortalUser(portal.gateway, null, 'staff@carv.example', 'staff');
});
beforeEach(() => portal.reset());
afterAll(() => portal.close());

const send = (payload: string, fields: Record<string, string> = {}) =>
  portal.admin.post(HERE, { event: 'candidate.created', sample: 'success', payload, do: 'send', ...fields }, HERE);

const candidate = (data: object = {}, envelope: object = {}) =>
  JSON.stringify({
    event: 'candidate.created',
    client_id: 'client-1',
    status: 'success',
    error: null,
    data: { candidate_id: 'c-1', first_name: 'Ann', last_name: 'Lee', ...data },
    ...envelope,
  });

const plain = ({ text }: Answer) => wordsOf(text);

async function expectNothingSent(): Promise<void> {
  expect(portal.receiver.deliveries).toEqual([]);
  expect(await portal.sql('select from delivery_attempt')).toEqual([]);
  expect(await portal.sql('select from portal_throttle')).toEqual([]);
}

test.each<[string, string, number, string]>([
  ['broken JSON', '{\n"event": "x",\n}', 422, 'The payload is not valid JSON in line 3'],
  ['nothing', '', 422, 'The payload is not valid JSON'],
  ['no object', '[1]', 422, 'The payload must be an object'],
  ['a field that does not fit', candidate({ skills: ['Go', 7] }), 422, 'data.skills.1 must be text'],
  ['another event', candidate({}, { event: 'candidate.deleted' }), 422, 'event must be "candidate.created"'],
  ['more than 256 KiB', candidate({ headline: 'ä'.repeat(131_073) }), 413, 'must not be larger than 256 KiB'],
  ['deep nesting', `${'['.repeat(50_000)}${']'.repeat(50_000)}`, 422, 'nested more than 64 levels deep'],
  ['an escaped NUL', candidate({ first_name: '\0' }), 422, 'data.first_name must not contain NUL'],
  ['half a character', '{"a":"\\ud800"}', 422, 'a must be well-formed Unicode'],
  [
    'a number that would change',
    candidate({ custom_fields: { n: 0 } }).replace('"n":0', '"n":12345678901234567890'),
    422,
    'lose digits',
  ],
])('%s is not sent: the page says what is wrong, and the text stays', async (_, payload, status, words) => {
  const answer = await send(payload);
  expect(answer.status).toBe(status);
  expect(plain(answer)).toContain('Nothing was sent.');
  expect(plain(answer)).toContain(words);
  expect(plain(answer)).toContain(payload.slice(0, 20));
  expect(answer.text).toContain('aria-invalid="true"');
  await expectNothingSent();
});

test('a raw NUL, a form without its limit, an event that is none: refused', async () => {
  expect((await send('{"a":"\0"}')).status).toBe(400);
  expect((await send('x'.repeat(1024 * 1024))).status).toBe(413);
  for (const event of ['', 'constructor', 'ping', 'candidate.created\r\nX-Injected: 1', XSS]) {
    const answer = await send(candidate(), { event });
    expect({ event, status: answer.status }).toEqual({ event, status: 404 });
    expect(answer.text).not.toMatch(HARM);
    expect((await portal.admin.get(`${HERE}?event=${encodeURIComponent(event)}`)).status).toBe(404);
  }
  await expectNothingSent();
});

test('keys that mean something to JavaScript, and keys given twice, are sent as the preview shows them', async () => {
  const hostile = candidate()
    .replace('"first_name"', '"first_name":"Old","__proto__":{"polluted":1},"constructor":{"a":1},"first_name"')
    .replace('{', '{"__proto__":{"status":"x"},');
  const { text } = await send(hostile, { do: 'preview' });
  expect((await send(hostile)).status).toBe(200);
  const sent = portal.receiver.deliveries[0]!.raw.toString();
  expect(sent).toContain('"first_name":"Ann","__proto__":{"polluted":1},"constructor":{"a":1}');
  expect(sent).toContain('{"__proto__":{"status":"x"},"event":"candidate.created"');
  const ids = /"(event_id|reference_id|timestamp)":"[^"]*"/g;
  expect(text.replaceAll('&quot;', '"').replace(ids, '')).toContain(sent.replace(ids, ''));
});

test.each<[string, (response: ServerResponse) => void, string, string | null]>([
  ['hangs', () => undefined, 'It did not answer in time.', 'timeout'],
  [
    'resets',
    (response) => response.socket!.resetAndDestroy(),
    'The connection was refused or broke off.',
    'connection',
  ],
  [
    'redirects',
    (response) => response.writeHead(302, { Location: '/elsewhere' }).end(),
    'Redirects are not followed',
    null,
  ],
  ['is gone', (response) => response.writeHead(410).end(), 'After a real event deliveries would be off.', null],
])(
  'an endpoint that %s: the page says so, the log too, and the endpoint stays as it was',
  async (_, script, words, error) => {
    portal.receiver.script = (_delivery, response) => {
      script(response);
      return undefined;
    };
    const health = () => portal.sql('select failures_in_row, paused_until, disabled_at from endpoint');
    const before = await health();
    const answer = await send(candidate());
    expect(answer.status).toBe(200);
    expect(plain(answer)).toContain(words);
    expect(portal.receiver.deliveries).toHaveLength(1);
    expect(await portal.sql('select test, outcome, error from delivery_attempt')).toEqual([
      { test: true, outcome: error === null ? 'failure' : 'error', error },
    ]);
    expect(await health()).toEqual(before);
  },
);

test.each(['http://169.254.169.254/latest', 'http://10.0.0.1/', 'http://[fd00::1]/'])(
  'a URL that has turned private is not reached, and its address not told: %s',
  async (url) => {
    await portal.sql('update endpoint set url = $1', [url]);
    const answer = await send(candidate());
    expect(plain(answer)).toContain('This address is not reachable from the gateway.');
    expect(await portal.sql('select outcome, error, response_body from delivery_attempt')).toEqual([
      { outcome: 'error', error: 'address_refused', response_body: null },
    ]);
  },
);

test('without a URL nothing is sent; the page says so and leads to where one is set', async () => {
  await portal.sql('update endpoint set url = null');
  const page = await portal.admin.get(HERE);
  expect(plain(page)).toContain('There is no webhook URL yet, so nothing can be sent. Set one in My Configuration.');
  expect((await send(candidate())).status).toBe(409);
  expect((await send(candidate(), { do: 'preview' })).status).toBe(200);
  await expectNothingSent();
});

test('a disabled endpoint gets tests, since one has to see that it is mended; it stays disabled', async () => {
  await portal.sql(`update endpoint set disabled_at = now(), disabled_reason = 'The endpoint answered 410 Gone'`);
  expect(plain(await portal.admin.get(HERE))).toContain(
    'Deliveries are off: The endpoint answered 410 Gone. A test is sent',
  );
  expect((await send(candidate())).status).toBe(200);
  expect(portal.receiver.deliveries).toHaveLength(1);
  expect(await portal.sql('select from endpoint where disabled_at is not null')).toHaveLength(1);
});

test.each(['viewer@acme.example', 'staff@carv.example'])(
  '%s looks at samples and schemas, and sends none',
  async (email) => {
    const client = await portal.signedIn(email);
    if (email.startsWith('staff')) await client.post('/portal/accounts', { ats_id: 'acme' }, '/portal/accounts');
    const page = await client.get(`${HERE}?event=meeting.notes_ready`);
    expect(plain(page)).toContain('the role admin is needed');
    expect(plain(page)).toContain('"meeting_id"');
    expect(page.text).not.toMatch(/<textarea|value="send"/);
    for (const wanted of ['send', 'preview']) {
      const fields = { event: 'candidate.created', payload: candidate(), do: wanted };
      expect((await client.post(HERE, fields, HERE)).status).toBe(403);
    }
    await expectNothingSent();
  },
);

test('what others wrote is text: the payload, its faults, what the endpoint answered', async () => {
  portal.receiver.script = (_, response) =>
    void response.writeHead(500, { 'Content-Type': XSS, 'RateLimit-Limit': XSS }).end(XSS);
  const pages = [
    await send(candidate({ first_name: XSS })),
    await send(candidate({ first_name: XSS }), { do: 'preview' }),
    await send(candidate({}, { [XSS]: '\0' })),
    await send(candidate({}, { event: XSS })),
    await send(XSS),
    await send(candidate(), { sample: XSS }),
  ];
  for (const { text } of pages) expect(text).not.toMatch(HARM);
  expect(pages.filter(({ text }) => text.includes('alert(1)'))).toHaveLength(6);
  expect(pages[0]!.text).toContain('&lt;script>alert(1)');
});
