import { existsSync, readFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { join } from 'node:path';
import { signatureHeader } from '../../src/signing/signature';
import { cleanUp, clusterData, makeDirectory, postmasterPid } from '../support/embedded-server';
import {
  build,
  killProcesses,
  runToEnd,
  spawnStart,
  startGatewayProcess,
  whenReady,
  type GatewayProcess,
  type Settings,
} from '../support/gateway-process';
import { createDatabase, type TestDatabase } from '../support/postgres';
import { until } from '../support/until';

const PRODUCTION = { NODE_ENV: 'production', HOST: '127.0.0.1', PORT: '0', PUBLIC_URL: 'https://gateway.example.com' };
const KEY = '07'.repeat(32);

let directory: string;
/** One for all tests: each leaves it with its server stopped and whatever it stored. */
let dataDir: string;
let database: TestDatabase;

beforeAll(async () => {
  await build();
  directory = await makeDirectory();
  dataDir = join(directory, 'data');
  database = await createDatabase();
});

afterEach(killProcesses);

afterAll(async () => {
  await cleanUp();
  await database.drop();
});

function start(settings: Settings = {}): Promise<GatewayProcess> {
  return whenReady(spawnStart(['main'], { DATA_DIR: dataDir, PORT: '0', ...settings }));
}

/** What a start that is refused says, and its exit code. */
function refused(settings: Settings): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return runToEnd(spawnStart(['main'], { PORT: '0', ...settings }));
}

/** The one JSON object on standard output. */
async function cli(args: readonly string[], settings: Settings = { DATA_DIR: dataDir }): Promise<Answer> {
  const { code, stdout, stderr } = await runToEnd(spawnStart(['cli', ...args, '--json'], settings));
  expect({ code, stderr }).toMatchObject({ code: 0 });
  expect(stdout).toMatch(/^\{.*\}\n$/);
  return JSON.parse(stdout) as Answer;
}

type Answer = Record<string, unknown>;

interface Received {
  verified: boolean;
  body: { reference_id: string; event: string; status: string; data: object };
}

const DEMO_HEADERS = {
  'X-API-Key': 'your-api-key',
  'X-ATS-Client-ID': 'your-client-id',
  'X-ATS-User-ID': 'your-user-id',
  'Content-Type': 'application/json',
};
const JANE = {
  candidate_id: 'candidate-123',
  first_name: 'Jane',
  last_name: 'Smith',
  email: 'jane.smith@example.com',
};

async function accepted(response: Response): Promise<string> {
  expect(response.status).toBe(202);
  return ((await response.json()) as { reference_id: string }).reference_id;
}

/** The first curl of the Quick Start's step 4. */
async function pushCandidate(origin: string, candidate: object = JANE): Promise<string> {
  const request = { method: 'POST', headers: DEMO_HEADERS, body: JSON.stringify(candidate) };
  return accepted(await fetch(`${origin}/v1/candidates`, request));
}

/** The second one, its placeholder of a signature replaced with a real one. */
async function pushEvent(origin: string): Promise<string> {
  const event = {
    event: 'candidate.created',
    event_id: 'evt-001',
    client_id: 'your-client-id',
    user_id: 'your-user-id',
    ...JANE,
  };
  const raw = Buffer.from(JSON.stringify(event));
  const signature = signatureHeader(['your-incoming-webhook-secret'], Math.floor(Date.now() / 1000), raw);
  return accepted(
    await fetch(`${origin}/v1/webhooks/your-ats-id`, {
      method: 'POST',
      headers: { 'X-Webhook-Signature': signature, 'Content-Type': 'application/json' },
      body: raw,
    }),
  );
}

/** What the demo account's receiver shows of a flow, once it arrived there. */
async function received(origin: string, referenceId: string): Promise<Received> {
  return until(`the result of ${referenceId}`, async () => {
    const shown = (await (await fetch(`${origin}/dev/receiver`)).json()) as Received[];
    return shown.find(({ body }) => body.reference_id === referenceId);
  });
}

async function readCandidate(origin: string, id: string): Promise<Answer> {
  const response = await fetch(`${origin}/v1/candidates/${id}`, { headers: DEMO_HEADERS });
  return { status: response.status, ...((await response.json()) as Answer) };
}

async function isStopped(): Promise<boolean> {
  return (await postmasterPid(dataDir)) === undefined;
}

describe('node start.mjs main, with nothing set', () => {
  test("says where it is, and the Quick Start's own two calls come back verified", async () => {
    const gateway = await start();
    await until('the banner', () => gateway.stdout.includes('curl -X POST'));
    expect(gateway.stdout).toContain(`is ready on ${gateway.origin}`);
    expect(gateway.stdout).toContain(`${gateway.origin}/dev/receiver`);

    const calls = [pushCandidate, pushEvent];
    for (const [index, push] of calls.entries()) {
      const from = performance.now();
      const referenceId = await push(gateway.origin);
      const result = await received(gateway.origin, referenceId);
      process.stdout.write(
        `Quick Start, call ${index + 1}: ${Math.round(performance.now() - from)} ms to its result\n`,
      );
      expect(result).toMatchObject({ verified: true, body: { status: 'success', data: JANE } });
    }
    expect(await gateway.stop('SIGINT')).toBe(0);
  });

  test('ends with 0 on Ctrl-C, takes the database along, and finds its data at the next start', async () => {
    const first = await start();
    const result = await pushCandidate(first.origin, { ...JANE, candidate_id: 'kept' });
    await received(first.origin, result);
    expect(await first.stop('SIGINT')).toBe(0);
    expect(await isStopped()).toBe(true);

    const second = await start();
    expect(await readCandidate(second.origin, 'kept')).toMatchObject({ status: 200, first_name: 'Jane' });
    expect(await second.stop('SIGINT')).toBe(0);
  });

  test('takes the two signals that npm makes of one Ctrl-C for one', async () => {
    const gateway = await start();
    gateway.signal('SIGINT');
    expect(await gateway.stop('SIGINT')).toBe(0);
    expect(await isStopped()).toBe(true);
  });

  test('leaves no database behind when Ctrl-C comes while that is starting', async () => {
    const gateway = spawnStart(['main'], { DATA_DIR: dataDir, PORT: '0' });
    await until('the database to be starting', () => gateway.stderr.includes('Starting the embedded database'));
    gateway.signal('SIGINT');
    await gateway.ended();
    expect(gateway.stdout).not.toContain('is ready on');
    expect(await isStopped()).toBe(true);
  });

  test('starts again after kill -9, adopts the database that ran on, and delivers what was accepted', async () => {
    const killed = await start();
    const server = await postmasterPid(dataDir);
    const referenceId = await pushCandidate(killed.origin, { ...JANE, candidate_id: 'survivor' });
    await killed.kill9();
    expect(await postmasterPid(dataDir)).toBe(server);

    const next = await start();
    expect(await postmasterPid(dataDir)).toBe(server);
    await until('the flow to be delivered', async () => {
      const response = await fetch(`${next.origin}/v1/flows/${referenceId}`, { headers: DEMO_HEADERS });
      return ((await response.json()) as Answer).status === 'delivered';
    });
    expect(await readCandidate(next.origin, 'survivor')).toMatchObject({ status: 200 });
    expect(await next.stop('SIGINT')).toBe(0);
    expect(await isStopped()).toBe(true);
  });

  test('goes on by itself when its database is killed: writes are refused for a while, none that was accepted is lost', async () => {
    const gateway = await start();
    const before = await pushCandidate(gateway.origin, { ...JANE, candidate_id: 'before' });
    const killed = await postmasterPid(dataDir);
    process.kill(killed!, 'SIGKILL');
    const seen = new Set<number>();
    const after = await until('a write to be accepted again', async () => {
      const body = JSON.stringify({ ...JANE, candidate_id: 'after' });
      const response = await fetch(`${gateway.origin}/v1/candidates`, { method: 'POST', headers: DEMO_HEADERS, body });
      seen.add(response.status);
      const { reference_id } = (await response.json()) as Answer;
      return seen.has(503) && response.status === 202 && String(reference_id);
    });
    expect([...seen].every((status) => status === 202 || status === 503)).toBe(true);
    expect(await postmasterPid(dataDir)).not.toBe(killed);
    await received(gateway.origin, before);
    await received(gateway.origin, after);
    expect(await gateway.stop('SIGINT')).toBe(0);
    expect(await isStopped()).toBe(true);
  });

  test('a busy port is named, and no database is left behind', async () => {
    const squatter = createServer();
    await new Promise<void>((listening) => squatter.listen(0, '127.0.0.1', listening));
    const port = String((squatter.address() as AddressInfo).port);
    const { code, stderr } = await refused({ DATA_DIR: dataDir, PORT: port });
    await closed(squatter);
    expect(code).toBe(1);
    expect(stderr).toContain('another PORT');
    expect(stderr).toContain(port);
    expect(stderr).not.toMatch(/^ +at /m);
    expect(await isStopped()).toBe(true);
  });
});

function closed(server: Server): Promise<void> {
  return new Promise((done) => server.close(() => done()));
}

describe('a start is refused with exit code 1 and the reason', () => {
  test('when settings are invalid, naming every one of them', async () => {
    const settings = {
      PORT: '99999',
      ROLE: 'both',
      DATABASE_URL: 'mysql://x',
      ENCRYPTION_KEY: 'short',
      LOG_LEVEL: 'loud',
    };
    const { code, stderr } = await refused({ ...settings, DATA_DIR: join(directory, 'never') });
    expect(code).toBe(1);
    for (const name of Object.keys(settings)) expect(stderr).toContain(name);
    expect(stderr).not.toMatch(/^ +at /m);
    expect(existsSync(join(directory, 'never'))).toBe(false);
  });

  test('in production without what production requires', async () => {
    const { code, stderr } = await refused({ NODE_ENV: 'production', DATA_DIR: join(directory, 'never') });
    expect(code).toBe(1);
    for (const name of ['DATABASE_URL', 'ENCRYPTION_KEY', 'PUBLIC_URL'])
      expect(stderr).toContain(`${name} must be set`);
    expect(existsSync(join(directory, 'never'))).toBe(false);
  });

  test("in production while an account holds the Quick Start's credentials", async () => {
    const development = await start();
    const settings = { ...PRODUCTION, DATABASE_URL: await embeddedUrl(), ENCRYPTION_KEY: encryptionKey() };
    const { code, stderr } = await refused(settings);
    expect(code).toBe(1);
    expect(stderr).toContain('your-ats-id');
    expect(await development.stop('SIGINT')).toBe(0);
  });

  test('when the database is behind and must not be migrated', async () => {
    const behind = await createDatabase();
    const target = { DATABASE_URL: behind.url, ENCRYPTION_KEY: KEY };
    const { reverted } = await cli(['migrate', 'down'], target);
    const { code, stderr } = await refused({ ...target, MIGRATE_ON_START: 'false' });
    expect(code).toBe(1);
    expect(stderr).toContain(String(reverted));
    expect(stderr).toContain('migrate up');

    expect(await cli(['migrate', 'up'], target)).toEqual({ applied: [reverted] });
    const gateway = await start({ ...target, MIGRATE_ON_START: 'false' });
    expect(await gateway.stop()).toBe(0);
    await behind.drop();
  });
});

async function embeddedUrl(): Promise<string> {
  const data = clusterData(dataDir);
  const password = readFileSync(join(data, '..', 'password'), 'utf8').trim();
  const port = readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')[3]!;
  return `postgres://gateway:${password}@127.0.0.1:${port}/gateway`;
}

function encryptionKey(): string {
  return readFileSync(join(dataDir, 'encryption-key'), 'utf8').trim();
}

test('production starts on a database of its own, and logs nothing but JSON lines', async () => {
  const gateway = await startGatewayProcess({
    ...PRODUCTION,
    LOG_LEVEL: 'info',
    DATABASE_URL: database.url,
    ENCRYPTION_KEY: KEY,
  });
  expect((await fetch(`${gateway.origin}/health/ready`)).status).toBe(200);
  expect((await fetch(`${gateway.origin}/dev/receiver`)).status).toBe(404);
  expect(await gateway.stop()).toBe(0);
  for (const line of gateway.stdout.trimEnd().split('\n')) expect(JSON.parse(line)).toHaveProperty('msg');
});

describe('the command line prints exactly one JSON object', () => {
  const ACCOUNT = {
    api_key: expect.any(String),
    incoming_webhook_secret: expect.stringMatching(/^whsec_/),
    outgoing_webhook_secret: expect.stringMatching(/^whsec_/),
    portal_email: null,
    portal_password: null,
  };

  test('beside a running server, whose clients its account and workspace serve at once', async () => {
    const gateway = await start();
    const made = await cli(['account', 'create', '--ats-id', 'acme', '--name', 'Acme']);
    expect(made).toEqual({ ats_id: 'acme', ...ACCOUNT });
    const workspace = { ats_id: 'acme', client_id: 'client-1', name: 'Client One' };
    expect(
      await cli(['workspace', 'provision', '--ats-id', 'acme', '--client-id', 'client-1', '--name', 'Client One']),
    ).toEqual(workspace);

    const headers = { ...DEMO_HEADERS, 'X-API-Key': String(made.api_key), 'X-ATS-Client-ID': 'client-1' };
    const request = { method: 'POST', headers, body: JSON.stringify(JANE) };
    const referenceId = await accepted(await fetch(`${gateway.origin}/v1/candidates`, request));
    await until('the flow to be processed', async () => {
      return (await cli(['flow', 'show', referenceId])).status === 'processed';
    });
    expect(await cli(['flow', 'show', referenceId])).toMatchObject({ reference_id: referenceId, result: 'success' });
    // The account has no webhook URL, so its result waits.
    const stats = (await cli(['outbox', 'stats'])) as { accounts: Answer[] };
    expect(stats.accounts).toContainEqual(expect.objectContaining({ ats_id: 'acme', pending: 1, dead: 0 }));
    expect(await gateway.stop('SIGINT')).toBe(0);
    expect(await isStopped()).toBe(true);
  });

  test('and without one, on the same data, leaving the database stopped', async () => {
    const made = await cli(['account', 'create', '--ats-id', 'globex', '--name', 'Globex']);
    expect(made).toEqual({ ats_id: 'globex', ...ACCOUNT });
    const { migrations } = (await cli(['migrate', 'status'])) as { migrations: { applied: boolean }[] };
    expect(migrations.length).toBeGreaterThan(0);
    expect(migrations.every((m) => m.applied)).toBe(true);
    expect(await cli(['account', 'show', '--ats-id', 'acme'])).toMatchObject({ ats_id: 'acme', enabled: true });
    expect(await isStopped()).toBe(true);
  });

  test('nothing at all when it fails: the reason goes to standard error', async () => {
    const settings = { DATABASE_URL: database.url, ENCRYPTION_KEY: KEY };
    const run = (...args: string[]) => runToEnd(spawnStart(['cli', ...args, '--json'], settings));
    const unknown = await run('flow', 'show', '019db49a-860b-74cb-8199-635ca3ad7f59');
    expect(unknown).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('There is no flow') });
    const incomplete = await run('account', 'create', '--ats-id', 'acme');
    expect(incomplete).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('--name is required') });
    const idle = await run('outbox', 'stats', '--ats-id', 'acme');
    expect(idle).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('takes no --ats-id') });
    const surplus = await run('outbox', 'stats', 'acme');
    expect(surplus).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('takes no acme') });
  });
});
