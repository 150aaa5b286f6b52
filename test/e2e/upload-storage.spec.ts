import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { Client } from 'pg';
import { Env } from '../../src/config/env';
import { FILE_STORAGE, type FileStorage } from '../../src/uploads/file-storage';
import { Sweeper } from '../../src/uploads/sweeper.service';
import { pdf } from '../support/documents';
import { call, makeAccount, startGateway, type Gateway, type TestAccount } from '../support/gateway';
import { build, killProcesses, startGatewayProcess } from '../support/gateway-process';
import { createDatabase } from '../support/postgres';
import { startS3, type S3Server } from '../support/s3';
import { until } from '../support/until';
import { filesIn, upload, uploaded } from '../support/uploads';

const MIB = 1024 * 1024;

beforeAll(build);

describe('with an S3-compatible bucket', () => {
  let s3: S3Server;
  let gateway: Gateway;
  let account: TestAccount;
  let database: Client;

  beforeAll(async () => {
    s3 = await startS3();
    gateway = await startGateway({ env: s3.settings });
    account = await makeAccount(gateway, 'acme', null);
    database = new Client({ connectionString: gateway.databaseUrl });
    await database.connect();
  });

  afterAll(async () => {
    await database.end();
    await gateway.close();
  });

  const storage = (): FileStorage => gateway.app.get(FILE_STORAGE);
  const local = () => filesIn(gateway.app.get(Env).DATA_DIR);
  const due = () => database.query('select from upload where sweep_at <= now()');

  test('a file is stored there, kept with its candidate, and removed after it', async () => {
    const bytes = pdf(MIB);
    const id = await uploaded(gateway, account, [{ bytes }]);
    expect((await buffer((await storage().get(id))!)).equals(bytes)).toBe(true);
    expect(await local()).toEqual({ stored: [], incoming: [] });
    const body = { candidate_id: 'c-1', first_name: 'A', last_name: 'B', cv: { carv_file_id: id } };
    await call(gateway, account, '/v1/candidates', { body });
    await call(gateway, account, '/v1/candidates/c-1', { method: 'DELETE' });
    await until('the file to be let go', async () => (await due()).rowCount === 1);
    expect(await gateway.app.get(Sweeper).sweep()).toBe(1);
    expect(await storage().get(id)).toBeNull();
    expect((await database.query('select from upload')).rowCount).toBe(0);
  });

  test('that does not answer, nothing is promised, and what is to be removed is tried again', async () => {
    const id = await uploaded(gateway, account);
    await s3.close();
    const { status, headers, body } = await upload(gateway, account);
    expect({ status, detail: body.detail, again: headers.get('retry-after') }).toEqual({
      status: 503,
      detail: 'The gateway cannot store files right now; please try again',
      again: '5',
    });
    expect(await local()).toEqual({ stored: [], incoming: [] });
    const { rows } = await database.query('select state from upload order by carv_file_id');
    expect(rows).toEqual([{ state: 'stored' }, { state: 'pending' }]);
    await database.query('update upload set sweep_at = now() where carv_file_id = $1', [id]);
    expect(await gateway.app.get(Sweeper).sweep()).toBe(0);
    const kept = await database.query(
      `select sweep_at > now() + interval '5 min' as later from upload where state = 'released'`,
    );
    expect(kept.rows).toEqual([{ later: true }]);
  });
});

// Only Linux tells the peak of another process.
(process.platform === 'linux' ? test : test.skip)('many large files at once are never held in memory', async () => {
  const FILES = 64;
  const database = await createDatabase();
  try {
    const maker = await startGateway({ databaseUrl: database.url, env: { ROLE: 'api' } });
    const account = await makeAccount(maker, 'acme', null);
    const dataDir = maker.app.get(Env).DATA_DIR;
    const gateway = await startGatewayProcess({ DATABASE_URL: database.url, ROLE: 'api', DATA_DIR: dataDir });
    const peak = async () =>
      Number(/VmHWM:\s+(\d+)/.exec(await readFile(`/proc/${gateway.pid}/status`, 'utf8'))?.[1]) / 1024;
    await uploaded(gateway, account);
    const before = await peak();
    const parts = [{ bytes: pdf(10 * MIB) }];
    await Promise.all(Array.from({ length: FILES }, () => uploaded(gateway, account, parts)));
    const grown = (await peak()) - before;
    process.stdout.write(`${FILES} uploads of 10 MiB at once: ${Math.round(grown)} MiB more than before\n`);
    expect(grown).toBeLessThan((FILES * 10) / 2);
    await gateway.stop();
    await maker.close();
  } finally {
    await killProcesses();
    await database.drop();
  }
});
