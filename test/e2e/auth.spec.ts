import { Controller, Get, Module, Post } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { Test } from '@nestjs/testing';
import type { AddressInfo } from 'node:net';
import { createHash } from 'node:crypto';
import { Client } from 'pg';
import { Accounts } from '../../src/accounts/accounts.service';
import { Passwords } from '../../src/accounts/passwords.service';
import { newPortalUser, savePortalUser } from '../../src/accounts/portal-user';
import { AppModule } from '../../src/app.module';
import { Auth } from '../../src/auth/caller';
import { readEnv } from '../../src/config/read-env';
import { Database } from '../../src/database/database';
import { configureHttp } from '../../src/http/configure';
import { signatureHeader } from '../../src/signing/signature';
import { call, makeAccount, startGateway, type Gateway, type TestAccount } from '../support/gateway';
import { routesOf } from '../support/routes';
import { until } from '../support/until';

const env = { ROLE: 'api' };

let gateway: Gateway;
let replica: Gateway;
let database: Client;
let accounts: Accounts;

beforeAll(async () => {
  gateway = await startGateway({ env });
  replica = await startGateway({ env, databaseUrl: gateway.databaseUrl });
  database = new Client({ connectionString: gateway.databaseUrl });
  await database.connect();
  accounts = gateway.app.get(Accounts);
});

afterAll(async () => {
  await database.end();
  await replica.close();
  await gateway.close();
});

let made = 0;
const newAccount = (): Promise<TestAccount> => makeAccount(gateway, `account-${++made}`, null);

const CANDIDATE = { candidate_id: 'c-1', first_name: 'Jane', last_name: 'Smith' };
const WORKSPACE = { client_id: 'client-1', name: 'W', admin_name: 'Ann', admin_email: 'ann@example.com' };
const MEMBER = { user_id: 'u-1', name: 'Bob', email: 'bob@example.com' };

interface Answer {
  readonly status: number;
  readonly detail: unknown;
}

const UNAUTHORIZED: Answer = { status: 401, detail: 'Invalid or missing API key' };
const BAD_SIGNATURE: Answer = { status: 401, detail: 'Invalid or missing webhook signature' };
const accepted: Answer = { status: 202, detail: undefined };

async function ask(to: Gateway, account: Pick<TestAccount, 'apiKey'>, path: string, method = 'GET', body?: object) {
  const answer = await call(to, account, path, { method, body });
  return { status: answer.status, detail: answer.body.detail };
}

async function webhook(to: Gateway, atsId: string, secret: string, fields: object = {}): Promise<Answer> {
  const envelope = { event: 'candidate.created', client_id: 'client-1', user_id: 'user-1', event_id: `evt-${++made}` };
  const raw = Buffer.from(JSON.stringify({ ...envelope, ...CANDIDATE, ...fields }));
  const response = await fetch(`${to.origin}/v1/webhooks/${atsId}`, {
    method: 'POST',
    headers: {
      'Content-Type': 'application/json',
      'X-Webhook-Signature': signatureHeader([secret], Math.floor(Date.now() / 1000), raw),
    },
    body: raw,
  });
  return { status: response.status, detail: ((await response.json()) as Record<string, unknown>).detail };
}

async function flowsOf(atsId: string): Promise<number> {
  const { rows } = await database.query<{ n: number }>('select count(*)::int as n from flow where ats_id = $1', [
    atsId,
  ]);
  return rows[0]!.n;
}

type Use = (to: Gateway, account: Pick<TestAccount, 'apiKey'>) => Promise<Answer>;

/** Every way to use a key; the first answer is that to a good one. */
const USES: [name: string, good: number, use: Use][] = [
  ['POST a candidate', 202, (to, by) => ask(to, by, '/v1/candidates', 'POST', CANDIDATE)],
  ['PATCH a candidate', 202, (to, by) => ask(to, by, '/v1/candidates/c-1', 'PATCH', { headline: 'x' })],
  ['DELETE a candidate', 202, (to, by) => ask(to, by, '/v1/candidates/c-1', 'DELETE')],
  ['POST a workspace', 202, (to, by) => ask(to, by, '/v1/workspaces', 'POST', WORKSPACE)],
  ['POST a member', 202, (to, by) => ask(to, by, '/v1/workspaces/client-1/members', 'POST', MEMBER)],
  ['GET a candidate', 404, (to, by) => ask(to, by, '/v1/candidates/c-404')],
  ['GET the candidates', 200, (to, by) => ask(to, by, '/v1/candidates')],
  ['GET a flow', 404, (to, by) => ask(to, by, '/v1/flows/019db49a-860b-74cb-8199-635ca3ad7f59')],
];

describe.each(USES)('%s', (_, good, use) => {
  test('with a rotated key is refused at once, also by a replica that knew it, and the new key serves', async () => {
    const account = await newAccount();
    for (const to of [gateway, replica]) expect((await use(to, account)).status).toBe(good);
    const flows = await flowsOf(account.atsId);
    const apiKey = await accounts.rotateApiKey(account.atsId, 'test');
    for (const to of [replica, gateway]) expect(await use(to, account)).toEqual(UNAUTHORIZED);
    expect(await flowsOf(account.atsId)).toBe(flows);
    for (const to of [replica, gateway]) expect((await use(to, { apiKey })).status).toBe(good);
  });

  test('by a disabled account is refused at once, also by a replica that knew it, until it is enabled', async () => {
    const account = await newAccount();
    for (const to of [gateway, replica]) expect((await use(to, account)).status).toBe(good);
    const flows = await flowsOf(account.atsId);
    await accounts.setEnabled(account.atsId, false, 'test');
    for (const to of [replica, gateway]) expect(await use(to, account)).toEqual(UNAUTHORIZED);
    expect(await flowsOf(account.atsId)).toBe(flows);
    await accounts.setEnabled(account.atsId, true, 'test');
    for (const to of [replica, gateway]) expect((await use(to, account)).status).toBe(good);
  });
});

test('a key that nobody had is found as soon as it is an account’s', async () => {
  const account = await newAccount();
  const apiKey = `carv_${'k'.repeat(43)}`;
  expect(await ask(replica, { apiKey }, '/v1/candidates')).toEqual(UNAUTHORIZED);
  const hash = createHash('sha256').update(apiKey).digest();
  await database.query('update account set api_key_hash = $1 where ats_id = $2', [hash, account.atsId]);
  expect((await ask(replica, { apiKey }, '/v1/candidates')).status).toBe(200);
});

describe('a credential that ends while its write waits for the database', () => {
  let blocker: Client;

  beforeEach(async () => {
    blocker = new Client({ connectionString: gateway.databaseUrl });
    await blocker.connect();
    await blocker.query('begin');
    await blocker.query('lock table inbox_message');
  });

  afterEach(() => blocker.end());

  const held = () =>
    until('the accepting statement to wait', async () => {
      const { rowCount } = await database.query(
        `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
      );
      return rowCount === 1;
    });

  test('is refused: an API key', async () => {
    const account = await newAccount();
    const write = ask(replica, account, '/v1/candidates', 'POST', CANDIDATE);
    await held();
    await accounts.rotateApiKey(account.atsId, 'test');
    await blocker.query('rollback');
    expect(await write).toEqual(UNAUTHORIZED);
    expect(await flowsOf(account.atsId)).toBe(0);
  });

  test('is refused: a webhook secret, as any bad signature and without its payload in the log', async () => {
    const account = await newAccount();
    const write = webhook(replica, account.atsId, account.incomingSecret);
    await held();
    await accounts.rotateSecret(account.atsId, 'incoming', true, 'test');
    await blocker.query('rollback');
    expect(await write).toEqual(BAD_SIGNATURE);
    expect(await flowsOf(account.atsId)).toBe(0);
    const { rows } = await database.query('select payload from delivery_attempt where ats_id = $1', [account.atsId]);
    expect(rows.filter(({ payload }) => payload !== null)).toEqual([]);
  });
});

describe('the incoming secret', () => {
  const verifies = async (atsId: string, secret: string): Promise<boolean> => {
    const answers = [await webhook(gateway, atsId, secret), await webhook(replica, atsId, secret)];
    expect(answers[1]).toEqual(answers[0]);
    expect(answers[0]).toEqual(answers[0]!.status === 202 ? accepted : BAD_SIGNATURE);
    return answers[0]!.status === 202;
  };
  const rotate = (atsId: string, compromised = false) => accounts.rotateSecret(atsId, 'incoming', compromised, 'test');
  const which = async (atsId: string, secrets: string[]): Promise<boolean[]> => {
    const found: boolean[] = [];
    for (const secret of secrets) found.push(await verifies(atsId, secret));
    return found;
  };

  test('counts for 24 h after it was replaced, and not a moment longer', async () => {
    const { atsId, incomingSecret } = await newAccount();
    expect(await verifies(atsId, incomingSecret)).toBe(true);
    const next = await rotate(atsId);
    expect(next).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(await which(atsId, [incomingSecret, next])).toEqual([true, true]);
    const { rows } = await database.query<{ hours: number }>(
      `select extract(epoch from expires_at - now())::float8 / 3600 as hours from account_secret
        where ats_id = $1 and direction = 'incoming' and expires_at is not null`,
      [atsId],
    );
    expect(rows).toEqual([{ hours: expect.closeTo(24, 1) }]);
    const age = (by: string) =>
      database.query('update account_secret set expires_at = expires_at - $2::interval where ats_id = $1', [atsId, by]);
    await age('23 hours 59 minutes');
    expect(await which(atsId, [incomingSecret, next])).toEqual([true, true]);
    await age('1 minute');
    expect(await which(atsId, [incomingSecret, next])).toEqual([false, true]);
  });

  test('ends at once when it is compromised, and all former ones with it', async () => {
    const { atsId, incomingSecret } = await newAccount();
    const second = await rotate(atsId);
    expect(await which(atsId, [incomingSecret, second])).toEqual([true, true]);
    const third = await rotate(atsId, true);
    expect(await which(atsId, [incomingSecret, second, third])).toEqual([false, false, true]);
  });

  test('is one of four at most', async () => {
    const { atsId, incomingSecret } = await newAccount();
    const secrets = [incomingSecret];
    for (let n = 0; n < 5; n++) secrets.push(await rotate(atsId));
    expect(await which(atsId, secrets)).toEqual([false, false, true, true, true, true]);
  });

  test('is rotated by everyone who races to', async () => {
    const { atsId, incomingSecret } = await newAccount();
    const racing = [gateway, replica, gateway].map(({ app }) =>
      app.get(Accounts).rotateSecret(atsId, 'incoming', false, 'test'),
    );
    expect(await which(atsId, [incomingSecret, ...(await Promise.all(racing))])).toEqual([true, true, true, true]);
  });

  test('has nothing to do with the outgoing one, nor with another account’s', async () => {
    const [account, other] = [await newAccount(), await newAccount()];
    const outgoing = await accounts.rotateSecret(account.atsId, 'outgoing', true, 'test');
    expect(await verifies(account.atsId, account.incomingSecret)).toBe(true);
    expect(await which(account.atsId, [outgoing, account.outgoingSecret, other.incomingSecret])).toEqual([
      false,
      false,
      false,
    ]);
  });

  test('of a disabled account ends with it, and comes back with it', async () => {
    const { atsId, incomingSecret } = await newAccount();
    await accounts.setEnabled(atsId, false, 'test');
    expect(await verifies(atsId, incomingSecret)).toBe(false);
    await accounts.setEnabled(atsId, true, 'test');
    expect(await verifies(atsId, incomingSecret)).toBe(true);
  });
});

@Controller('bare')
class BareController {
  @Get()
  read(): string {
    return 'reached';
  }

  @Post()
  write(): string {
    return 'reached';
  }

  @Auth('none')
  @Get('open')
  open(): string {
    return 'reached';
  }
}

@Module({ controllers: [BareController] })
class BareModule {}

describe('who says nothing lets nobody in', () => {
  test('a controller without @Auth answers 401, also to a good key', async () => {
    const account = await newAccount();
    const settings = readEnv({
      NODE_ENV: 'test',
      DATABASE_URL: gateway.databaseUrl,
      ENCRYPTION_KEY: '07'.repeat(32),
      ...env,
    });
    const module = await Test.createTestingModule({ imports: [AppModule.of(settings), BareModule] }).compile();
    const app = module.createNestApplication<NestExpressApplication>({ bodyParser: false, logger: false });
    configureHttp(app);
    await app.listen(0, '127.0.0.1');
    const to = { origin: `http://127.0.0.1:${(app.getHttpServer().address() as AddressInfo).port}` };
    const reached = async (path: string, method: string) => (await call(to, account, path, { method })).status;
    try {
      expect([await reached('/bare', 'GET'), await reached('/bare', 'POST')]).toEqual([401, 401]);
      const open = await fetch(`${to.origin}/bare/open`);
      expect([open.status, await open.text()]).toEqual([200, 'reached']);
    } finally {
      await app.close();
    }
  });

  test('every route under /v1 refuses a stranger, with the body of its scheme', async () => {
    const all = routesOf(gateway).filter(({ path }) => path.startsWith('/v1'));
    const open = all.filter(({ scheme }) => scheme === 'none').map(({ path }) => path);
    // Schemas alone; nothing in them is an account's.
    expect(open.sort()).toEqual(['/v1/event-types', '/v1/event-types/:event']);
    const routes = all.filter(({ scheme }) => scheme !== 'none');
    expect(routes.length).toBeGreaterThanOrEqual(9);
    for (const { method, path } of routes) {
      const answer = await fetch(gateway.origin + path.replaceAll(/:\w+/g, 'x'), { method: method.toUpperCase() });
      const { detail } = (await answer.json()) as { detail: string };
      const expected = path.startsWith('/v1/webhooks') ? BAD_SIGNATURE : UNAUTHORIZED;
      expect({ method, path, status: answer.status, detail }).toEqual({ method, path, ...expected });
    }
  });
});

describe('at rest', () => {
  /** Every row of every table, as text, where bytes are hexadecimal. */
  async function everything(): Promise<string> {
    const { rows: tables } = await database.query<{ name: string }>(
      `select quote_ident(c.relname) as name from pg_class c
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition`,
    );
    const texts: string[] = [];
    for (const { name } of tables) {
      const { rows } = await database.query<{ row: string }>(`select t::text as row from ${name} t`);
      texts.push(...rows.map(({ row }) => row));
    }
    return texts.join('\n');
  }

  test('no key, secret or password stands in the database, in no spelling, whatever happened to it', async () => {
    const account = await newAccount();
    const { atsId } = account;
    const { user, password } = await newPortalUser(gateway.app.get(Passwords), 'who@example.com', 'admin');
    await savePortalUser(gateway.app.get(Database).source.manager, atsId, user);
    const secrets = [account.apiKey, account.incomingSecret, account.outgoingSecret, password];
    expect(await ask(gateway, account, '/v1/candidates', 'POST', CANDIDATE)).toEqual(accepted);
    expect(await webhook(gateway, atsId, account.incomingSecret)).toEqual(accepted);
    expect((await webhook(gateway, atsId, account.incomingSecret, { nick: 1 })).status).toBe(422);
    expect((await webhook(gateway, atsId, account.outgoingSecret)).status).toBe(401);
    for (const direction of ['incoming', 'outgoing'] as const) {
      secrets.push(await accounts.rotateSecret(atsId, direction, false, 'test'));
    }
    secrets.push(await accounts.rotateApiKey(atsId, 'test'));
    await until('the refusals to be logged', async () => {
      const { rowCount } = await database.query('select from delivery_attempt where ats_id = $1', [atsId]);
      return rowCount === 3;
    });

    const text = await everything();
    expect(text).toContain(createHash('sha256').update(secrets.at(-1)!).digest('hex'));
    expect(text).toContain('secret.rotated');
    for (const secret of secrets) {
      const bytes = Buffer.from(secret);
      const key = Buffer.from(secret.replace(/^whsec_|^carv_/, ''), 'base64');
      const spellings = [secret, bytes.toString('hex'), bytes.toString('base64'), key.toString('hex')];
      for (const spelling of spellings) expect(text).not.toContain(spelling);
    }
  });

  test('equal secrets are sealed differently, and a seal is bound to the key that made it', async () => {
    const make = (atsId: string) =>
      accounts.create({ atsId, name: atsId, webhookUrl: null, incomingSecret: 'the same for both of them' }, 'test');
    await make('twin-1');
    await make('twin-2');
    const { rows } = await database.query<{ sealed: string }>(
      "select encode(sealed, 'hex') as sealed from account_secret where ats_id ^@ 'twin-' and direction = 'incoming'",
    );
    expect(new Set(rows.map(({ sealed }) => sealed)).size).toBe(2);
    const stranger = await startGateway({
      env: { ...env, ENCRYPTION_KEY: '08'.repeat(32) },
      databaseUrl: gateway.databaseUrl,
    });
    try {
      const { status, detail } = await webhook(stranger, 'twin-1', 'the same for both of them');
      expect(status).toBe(500);
      expect(detail).not.toMatch(/seal|ENCRYPTION|secret/i);
    } finally {
      await stranger.close();
    }
  });
});
