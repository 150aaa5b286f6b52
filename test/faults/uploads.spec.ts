import { randomInt, randomUUID } from 'node:crypto';
import { stat, utimes } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { Env } from '../../src/config/env';
import { Sweeper } from '../../src/uploads/sweeper.service';
import { pdf } from '../support/documents';
import { call, makeAccount, startGateway, type Gateway, type TestAccount } from '../support/gateway';
import { build, killProcesses, startGatewayProcess, type GatewayProcess } from '../support/gateway-process';
import { until } from '../support/until';
import { inForm } from './form';
import { filesIn, form, upload } from '../support/uploads';

const ROUNDS = inForm({ short: 3, long: 12 });
const CLIENTS = 6;
const FILES_BEFORE_KILL = 40;

jest.setTimeout(300_000 + ROUNDS * 30_000);

/** Accepts nothing: it owns the database and the directory, and sweeps. */
let keeper: Gateway;
let dataDir: string;
let database: Client;
let account: TestAccount;
let gateway: GatewayProcess;

beforeAll(build);

beforeEach(async () => {
  keeper = await startGateway({ env: { ROLE: 'api' } });
  dataDir = keeper.app.get(Env).DATA_DIR;
  account = await makeAccount(keeper, 'acme', null);
  database = new Client({ connectionString: keeper.databaseUrl });
  await database.connect();
  gateway = await start();
});

afterEach(async () => {
  await killProcesses();
  await database.end();
  await keeper.close();
});

function start(): Promise<GatewayProcess> {
  return startGatewayProcess({ DATABASE_URL: keeper.databaseUrl, DATA_DIR: dataDir });
}

interface FileRow {
  readonly carv_file_id: string;
  readonly state: string;
  readonly file_size: number | null;
  readonly entity_id: string | null;
  readonly bound: boolean;
}

async function rows(): Promise<FileRow[]> {
  return (await database.query<FileRow>('select * from upload order by carv_file_id')).rows;
}

/** An hour passes, and what nobody promised or has is removed. */
async function sweepLater(): Promise<void> {
  await database.query(`update upload set sweep_at = now() where state = 'pending'`);
  const hourAgo = Date.now() / 1000 - 3700;
  const { incoming } = await filesIn(dataDir);
  await Promise.all(incoming.map((name) => utimes(join(dataDir, 'uploads', 'incoming', name), hourAgo, hourAgo)));
  await keeper.app.get(Sweeper).sweep();
}

/** Every row has its file, whole, and every file its row. */
async function expectBoth(): Promise<void> {
  const { stored, incoming } = await filesIn(dataDir);
  expect(incoming).toEqual([]);
  const all = await rows();
  expect(all.map((row) => row.carv_file_id)).toEqual(stored);
  for (const { carv_file_id, state, file_size } of all) {
    expect(state).toBe('stored');
    expect((await stat(join(dataDir, 'uploads', carv_file_id))).size).toBe(file_size);
  }
}

test.each(['before its file is stored', 'between its file and the promise'])(
  'an upload whose gateway is killed %s leaves nothing, once swept',
  async (when) => {
    const { type, body } = form([{ bytes: pdf(200_000) }]);
    const socket = connect(gateway.port, '127.0.0.1').on('error', () => undefined);
    let answer = '';
    socket.on('data', (chunk) => (answer += chunk.toString()));
    socket.write(
      `POST /uploads HTTP/1.1\r\nHost: x\r\nX-API-Key: ${account.apiKey}\r\nX-ATS-Client-ID: client-1\r\n` +
        `Content-Type: ${type}\r\nContent-Length: ${body.length}\r\n\r\n`,
    );
    socket.write(body.subarray(0, 100_000));
    await until('the upload to begin', async () => (await filesIn(dataDir)).incoming.length === 1);
    expect(await rows()).toMatchObject([{ state: 'pending' }]);
    if (when !== 'before its file is stored') {
      // Whoever would complete the row waits for this transaction.
      await database.query('begin');
      await database.query('select from upload for update');
      socket.write(body.subarray(100_000));
      await until('the file to be stored', async () => (await filesIn(dataDir)).stored.length === 1);
    }
    await gateway.kill9();
    // Its session would still get what it waits for, and complete what nobody hears of.
    await database.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
    );
    await database.query('rollback');
    expect(answer).toBe('');
    expect(await rows()).toMatchObject([{ state: 'pending' }]);
    await sweepLater();
    expect({ rows: await rows(), ...(await filesIn(dataDir)) }).toEqual({ rows: [], stored: [], incoming: [] });
  },
);

/** Uploads files and gives them to candidates, over and over; repeats a write until it has its 202. */
class Load {
  /** What was promised, by id. */
  readonly files = new Set<string>();
  /** The writes with a 202, and the file that each named last. */
  readonly writes: string[] = [];
  readonly last = new Map<string, string>();
  private stopping = false;
  private readonly clients = Array.from({ length: CLIENTS }, (_, n) => this.run(n));

  async stop(): Promise<void> {
    this.stopping = true;
    await Promise.all(this.clients);
  }

  private async run(client: number): Promise<void> {
    for (let n = 0; !this.stopping; n++) {
      const sent = upload(gateway, account, [{ bytes: pdf(randomInt(10_000, 1_000_000)) }]);
      const answer = await sent.catch(() => undefined);
      if (answer?.status !== 200) {
        await sleep(20);
        continue;
      }
      const id = String(answer.body.carv_file_id);
      this.files.add(id);
      const candidate_id = `c-${client}-${n % 3}`;
      const body = { candidate_id, first_name: 'A', last_name: 'B', cv: { carv_file_id: id } };
      this.writes.push(await this.write(body));
      this.last.set(candidate_id, id);
    }
  }

  private async write(body: object): Promise<string> {
    const headers = { 'Idempotency-Key': randomUUID() };
    for (;;) {
      const answer = await call(gateway, account, '/v1/candidates', { body, headers }).catch(() => undefined);
      if (answer?.status === 202) return String(answer.body.reference_id);
      await sleep(20);
    }
  }
}

test('no promised file is lost, none is bound twice and none is left over when the gateway is killed at random moments', async () => {
  const load = new Load();
  for (let round = 1; round <= ROUNDS; round++) {
    const goal = load.files.size + randomInt(5, FILES_BEFORE_KILL);
    await until('files to be uploaded', () => load.files.size >= goal);
    await sleep(randomInt(100));
    await gateway.kill9();
    gateway = await start();
  }
  await load.stop();
  await until('all to be processed', async () => (await database.query('select from inbox_message')).rowCount === 0);
  const results = await database.query<{ status: string; n: number }>(
    `select body::json->>'status' as status, count(*)::int as n from result_event group by 1`,
  );
  expect(results.rows).toEqual([{ status: 'success', n: load.writes.length }]);
  await sweepLater();
  await expectBoth();
  const bound = (await rows()).filter((row) => row.bound);
  expect(new Map(bound.map((row) => [row.entity_id, row.carv_file_id]))).toEqual(load.last);
  expect(bound).toHaveLength(load.last.size);
  // What is neither bound nor replaced was completed, but its gateway was killed before it could say so.
  const unsaid = (await rows()).filter((row) => !row.bound);
  for (const row of unsaid) expect(load.files).not.toContain(row.carv_file_id);
  process.stdout.write(`kill -9: rounds ${ROUNDS}, files ${load.files.size}, unsaid ${unsaid.length}\n`);
});
