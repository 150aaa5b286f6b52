import { Client } from 'pg';
import { Accounts } from '../../src/accounts/accounts.service';
import { signatureHeader } from '../../src/signing/signature';
import { call, makeAccount, startGateway, type Gateway, type TestAccount } from '../support/gateway';
import { startReceiver, type Receiver } from '../support/receiver';
import { until } from '../support/until';

let gateway: Gateway;
let replica: Gateway;
let receiver: Receiver;
let database: Client;
let made = 0;

beforeAll(async () => {
  gateway = await startGateway();
  replica = await startGateway({ databaseUrl: gateway.databaseUrl, env: { ROLE: 'api' } });
  receiver = await startReceiver(() => 'unused');
  database = new Client({ connectionString: gateway.databaseUrl });
  await database.connect();
});

afterAll(async () => {
  await database.end();
  await replica.close();
  await gateway.close();
  await receiver.close();
});

const newAccount = (): Promise<TestAccount> => makeAccount(gateway, `account-${++made}`, receiver.url);

function event(fields: object = {}): string {
  return JSON.stringify({
    event: 'candidate.created',
    event_id: `evt-${++made}`,
    client_id: 'client-1',
    user_id: 'user-1',
    candidate_id: `c-${made}`,
    first_name: 'Jane',
    last_name: 'Smith',
    ...fields,
  });
}

interface Sent {
  readonly status: number;
  readonly referenceId: unknown;
  readonly detail: unknown;
  readonly signature: string;
}

interface Sending {
  readonly to?: Gateway;
  readonly secret?: string;
  readonly signature?: string;
  readonly headers?: Record<string, string>;
}

async function send(
  { atsId, incomingSecret }: Pick<TestAccount, 'atsId' | 'incomingSecret'>,
  body: string | Buffer,
  { to = gateway, secret = incomingSecret, headers = {}, ...given }: Sending = {},
): Promise<Sent> {
  const raw = Buffer.from(body);
  const signature = given.signature ?? signatureHeader([secret], Math.floor(Date.now() / 1000), raw);
  const response = await fetch(`${to.origin}/v1/webhooks/${atsId}`, {
    method: 'POST',
    headers: {
      'Content-Type': 'application/json',
      'User-Agent': 'acme/1.0',
      'X-Webhook-Signature': signature,
      ...headers,
    },
    body: raw,
  });
  const { reference_id, detail } = (await response.json()) as Record<string, unknown>;
  return { status: response.status, referenceId: reference_id, detail, signature };
}

interface Logged {
  readonly id: string;
  readonly reference_id: string | null;
  readonly outcome: string;
  readonly status_code: number;
  readonly error: string | null;
  readonly signature: string | null;
  readonly request_headers: Record<string, string>;
  readonly payload: string | null;
}

async function logged(atsId: string): Promise<Logged[]> {
  const { rows } = await database.query<Logged>(
    `select id, reference_id, outcome, status_code, error, signature, request_headers, payload
       from delivery_attempt where ats_id = $1 and direction = 'incoming' order by id`,
    [atsId],
  );
  return rows;
}

/** Refusals are logged behind their answer. */
async function settled(atsId: string, count: number): Promise<Logged[]> {
  await until(`${count} entries`, async () => (await logged(atsId)).length >= count);
  return logged(atsId);
}

/** Refusals that are logged for certain, one after the other, mark the end of those sent before them. */
async function marked(account: TestAccount): Promise<Logged[]> {
  const marks = async () => (await logged(account.atsId)).filter(({ payload }) => payload === '"the mark"').length;
  for (let n = 1; n <= 3; n++) {
    await send(account, '"the mark"');
    await until('the mark', async () => (await marks()) === n);
  }
  return (await logged(account.atsId)).filter(({ payload }) => payload !== '"the mark"');
}

describe('an accepted webhook', () => {
  test('is logged in the commit that accepts it, once, as an incoming success with its reference_id', async () => {
    const account = await newAccount();
    const body = event({ headline: 'as sent' });
    const begun = Date.now();
    const { status, referenceId, signature } = await send(account, body);
    expect(status).toBe(202);
    const [entry, ...more] = await logged(account.atsId);
    expect([entry, more]).toEqual([
      {
        id: expect.any(String),
        reference_id: referenceId,
        outcome: 'success',
        status_code: 202,
        error: null,
        signature,
        request_headers: {
          'content-type': 'application/json',
          'content-length': String(body.length),
          'user-agent': 'acme/1.0',
        },
        payload: null,
      },
      [],
    ]);
    const at = Number.parseInt(entry!.id.replace('-', '').slice(0, 12), 16);
    expect(Math.abs(at - begun)).toBeLessThan(30_000);
    const { rows } = await database.query('select payload from flow where reference_id = $1', [referenceId]);
    expect(rows).toEqual([{ payload: expect.objectContaining({ headline: 'as sent' }) }]);
  });

  test('stays one incoming entry when it was processed and delivered, and no attempt of its flow’s trace', async () => {
    const account = await newAccount();
    const { referenceId } = await send(account, event());
    const path = `/v1/flows/${String(referenceId)}`;
    await until('the delivery', async () => (await call(gateway, account, path)).body.status === 'delivered');
    expect(await logged(account.atsId)).toHaveLength(1);
    const { timeline } = (await call(gateway, account, path)).body as { timeline: { stage: string }[] };
    expect(timeline.filter(({ stage }) => stage === 'attempt')).toHaveLength(1);
    const { rows } = await database.query(
      `select direction from delivery_attempt where reference_id = $1 order by direction`,
      [referenceId],
    );
    expect(rows).toEqual([{ direction: 'incoming' }, { direction: 'outgoing' }]);
  });

  test('is logged again, with the same reference_id, when it is sent again', async () => {
    const account = await newAccount();
    const body = event();
    const [first, second] = [await send(account, body), await send(account, body, { to: replica })];
    expect(second.referenceId).toBe(first.referenceId);
    const entries = await settled(account.atsId, 2);
    expect(entries.map((e) => [e.reference_id, e.outcome, e.status_code, e.payload, e.signature])).toEqual([
      [first.referenceId, 'success', 202, null, first.signature],
      [first.referenceId, 'success', 202, null, second.signature],
    ]);
  });

  test('sent 50 times at once is logged 50 times, all of one flow', async () => {
    const account = await newAccount();
    const body = event();
    const sent = await Promise.all(
      Array.from({ length: 50 }, (_, n) => send(account, body, { to: n % 2 === 0 ? gateway : replica })),
    );
    const entries = await settled(account.atsId, 50);
    expect(entries).toHaveLength(50);
    expect(new Set(entries.map((e) => e.reference_id))).toEqual(new Set([sent[0]!.referenceId]));
    expect(new Set(entries.map((e) => e.outcome))).toEqual(new Set(['success']));
  });
});

describe('an authenticated webhook that is refused', () => {
  test.each<[name: string, status: number, body: () => string | Buffer]>([
    ['unknown fields', 422, () => event({ nick: 1 })],
    ['an unknown event', 422, () => event({ event: 'constructor' })],
    ['a client without a workspace', 409, () => event({ client_id: 'nobody' })],
    ['malformed JSON', 400, () => '{"event":'],
    ['nothing at all', 400, () => ''],
    ['NUL in a string', 422, () => event({ headline: 'a\0b' })],
    ['NUL in a name', 422, () => event({ custom_fields: { 'a\0b': 1 } })],
    ['a lone surrogate', 422, () => event().replace('Jane', '\\ud800')],
    ['a lone surrogate in a name', 422, () => event().replace('"first_name"', '"\\ud800"')],
    ['a raw NUL', 400, () => '{"a\0b"'],
    ['no UTF-8', 400, () => Buffer.from([0x7b, 0xff, 0x7d])],
    ['nearly 1 MiB', 422, () => event({ nick: 'x'.repeat(1_000_000) })],
  ])('with %s is logged once, as a failure, with its payload and what it was told', async (_, status, body) => {
    const account = await newAccount();
    const raw = body();
    const sent = await send(account, raw);
    expect(sent.status).toBe(status);
    const [entry] = await settled(account.atsId, 1);
    expect(entry).toMatchObject({
      reference_id: null,
      outcome: 'failure',
      status_code: status,
      error: storable(String(sent.detail)),
      signature: sent.signature,
      payload: storable(raw.toString()),
    });
    expect(await marked(account)).toHaveLength(1);
  });

  /** PostgreSQL's text holds neither NUL nor half a character. */
  function storable(text: string): string {
    return text.replaceAll('\0', '\ufffd').toWellFormed();
  }

  test('a wrong content type is logged with its payload too', async () => {
    const account = await newAccount();
    expect((await send(account, event(), { headers: { 'Content-Type': 'text/plain' } })).status).toBe(415);
    expect(await settled(account.atsId, 1)).toMatchObject([
      {
        status_code: 415,
        outcome: 'failure',
        request_headers: { 'content-type': 'text/plain' },
        payload: expect.stringContaining('candidate.created'),
      },
    ]);
  });

  test('an event_id that was used before is logged as the refusal it is', async () => {
    const account = await newAccount();
    const body = event();
    await send(account, body);
    const again = body.replace('Jane', 'John');
    expect((await send(account, again)).status).toBe(422);
    const entries = await settled(account.atsId, 2);
    expect(entries.map((e) => [e.status_code, e.outcome, e.payload])).toEqual([
      [202, 'success', null],
      [422, 'failure', again],
    ]);
  });

  test('no credential that a sender put into its headers is kept', async () => {
    const account = await newAccount();
    const headers = {
      Authorization: 'Bearer hunter2-token',
      Cookie: 'session=hunter2',
      'X-API-Key': account.apiKey,
      'X-Secret': 'hunter2',
    };
    await send(account, event(), { headers });
    await send(account, '{}', { headers });
    await send(account, '{}', { headers, secret: 'wrong' });
    const entries = await settled(account.atsId, 3);
    expect(entries.map((e) => e.status_code).sort()).toEqual([202, 401, 422]);
    expect(JSON.stringify(entries)).not.toMatch(/hunter2|carv_|authorization|cookie/i);
  });
});

describe('an unauthenticated webhook', () => {
  const METADATA = {
    id: expect.any(String),
    reference_id: null,
    outcome: 'failure',
    status_code: 401,
    error: 'Invalid or missing webhook signature',
    signature: null,
    request_headers: {},
    payload: null,
  };

  test.each<[string, (account: TestAccount) => Sending]>([
    ['a wrong secret', () => ({ secret: 'wrong' })],
    ['the outgoing secret', ({ outgoingSecret }) => ({ secret: outgoingSecret })],
    ['no signature that can be read', () => ({ signature: 'hunter2' })],
    [
      'a stale signature',
      ({ incomingSecret }) => ({ signature: signatureHeader([incomingSecret], 1, Buffer.from('{}')) }),
    ],
  ])('with %s leaves metadata only', async (_, sending) => {
    const account = await newAccount();
    expect((await send(account, '{}', sending(account))).status).toBe(401);
    expect(await settled(account.atsId, 1)).toEqual([METADATA]);
  });

  test('is logged 60 times a minute at most, counted for each account alone', async () => {
    const [account, other] = [await newAccount(), await newAccount()];
    for (let round = 0; round < 8; round++) {
      await Promise.all(Array.from({ length: 10 }, () => send(account, '{}', { secret: 'wrong' })));
    }
    await send(other, '{}', { secret: 'wrong' });
    expect(await settled(other.atsId, 1)).toEqual([METADATA]);
    const refused = await marked(account);
    expect(refused).toEqual(Array(60).fill(METADATA));
    expect((await send(account, event())).status).toBe(202);
    expect((await logged(account.atsId)).filter(({ status_code }) => status_code === 202)).toHaveLength(1);
  });

  test('is logged 60 times a minute at most, however many gateways there are', async () => {
    const account = await newAccount();
    for (let round = 0; round < 8; round++) {
      await Promise.all(
        Array.from({ length: 20 }, (_, n) =>
          send(account, '{}', { secret: 'wrong', to: n % 2 === 0 ? gateway : replica }),
        ),
      );
    }
    expect(await marked(account)).toHaveLength(60);
  });

  test('holds one connection at most for its entry, also when many come at once', async () => {
    const account = await newAccount();
    // As another gateway does that counts the same account's entries, but for longer.
    await database.query('select pg_advisory_lock(hashtextextended($1, 0))', [account.atsId]);
    try {
      const sent = await Promise.all(Array.from({ length: 40 }, () => send(account, '{}', { secret: 'wrong' })));
      expect(new Set(sent.map(({ status }) => status))).toEqual(new Set([401]));
      expect((await send(account, event())).status).toBe(202);
      const { rows } = await database.query(
        `select from pg_stat_activity where datname = current_database() and wait_event = 'advisory'`,
      );
      expect(rows).toHaveLength(1);
    } finally {
      await database.query('select pg_advisory_unlock_all()');
    }
    const entries = (await settled(account.atsId, 41)).filter(({ status_code }) => status_code === 401);
    expect(entries).toEqual(Array(40).fill(METADATA));
    expect(new Set(entries.map(({ id }) => id)).size).toBe(40);
  });

  test('is logged again in the next minute', async () => {
    const account = await newAccount();
    const flood = () => Promise.all(Array.from({ length: 70 }, () => send(account, '{}', { secret: 'wrong' })));
    await flood();
    await settled(account.atsId, 60);
    const real = performance.now.bind(performance);
    const later = jest.spyOn(performance, 'now').mockImplementation(() => real() + 61_000);
    try {
      await flood();
      expect(await settled(account.atsId, 120)).toHaveLength(120);
    } finally {
      later.mockRestore();
    }
  });

  test('for an account that is unknown leaves nothing, and for a disabled one no payload', async () => {
    const disabled = await newAccount();
    await gateway.app.get(Accounts).setEnabled(disabled.atsId, false, 'test');
    const unknown = { atsId: 'nobody', incomingSecret: 'wrong' };
    expect((await send(unknown, event())).status).toBe(401);
    expect((await send({ ...unknown, atsId: '%00' }, event())).status).toBe(401);
    expect((await send(disabled, event())).status).toBe(401);
    await marked(await newAccount());
    const { rows } = await database.query<{ ats_id: string; payload: string | null }>(
      'select ats_id, payload from delivery_attempt d where not exists (select from account a where a.ats_id = d.ats_id and a.enabled)',
    );
    expect(rows.filter(({ ats_id, payload }) => ats_id !== disabled.atsId || payload !== null)).toEqual([]);
  });
});

test('a REST call is no webhook and leaves no entry, accepted or refused', async () => {
  const account = await newAccount();
  const candidate = { candidate_id: 'c-1', first_name: 'A', last_name: 'B' };
  expect((await call(gateway, account, '/v1/candidates', { body: candidate })).status).toBe(202);
  expect((await call(gateway, account, '/v1/candidates', { body: { nick: 1 } })).status).toBe(422);
  expect(await marked(account)).toEqual([]);
});
