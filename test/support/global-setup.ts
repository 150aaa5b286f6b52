import { createHash, randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative, sep } from 'node:path';
import { Client } from 'pg';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/database/embedded-postgres';
import { migrateUp } from '../../src/database/migrate';
import { FAULT_TABLE } from '../faults/fault-table';
import { ADMIN_URL, clonePrefix, databaseUrl, RUN, TEMPLATE } from './postgres';

const PROJECT = join(__dirname, '..', '..');
/** Any number but those of the gateway. */
const SETUP_LOCK = 40_404;

/** What global-teardown.ts needs; both run in jest's main process. */
export interface TestRun {
  server: EmbeddedPostgres;
  /** Open as long as the run lasts; its application name tells other runs what this one uses. */
  admin: Client;
  id: string;
}

export type WithTestRun = typeof globalThis & { testRun?: TestRun };

export default async function setup(): Promise<void> {
  const server = await startEmbeddedPostgres({
    dataDir: join(PROJECT, '.cache', 'test-postgres'),
    settings: { max_connections: '300' },
  });
  const id = randomBytes(4).toString('hex');
  const template = `template_${await hashOf('migrations', join('src', 'database'))}`;
  const admin = new Client({ connectionString: server.url, application_name: `test-run ${id} ${template}` });
  await admin.connect();
  admin.on('error', () => undefined);
  (globalThis as WithTestRun).testRun = { server, admin, id };

  await admin.query('select pg_advisory_lock($1)', [SETUP_LOCK]);
  await dropLeftovers(admin);
  await makeTemplate(admin, server.url, template);
  await admin.query('select pg_advisory_unlock($1)', [SETUP_LOCK]);
  Object.assign(process.env, { [ADMIN_URL]: server.url, [TEMPLATE]: template, [RUN]: id });
  process.env[FAULT_TABLE] = join(tmpdir(), `gateway-faults-${id}.jsonl`);
}

async function makeTemplate(admin: Client, url: string, template: string): Promise<void> {
  const { rowCount } = await admin.query('select from pg_database where datname = $1', [template]);
  if (rowCount) return;
  // Under another name until it is whole: a killed run leaves nothing that looks like a template.
  const draft = `draft_${template}`;
  await admin.query(`drop database if exists ${draft} with (force)`);
  await admin.query(`create database ${draft}`);
  await migrateUp(databaseUrl(url, draft));
  // A database that somebody is connected to cannot be cloned.
  await admin.query(`alter database ${draft} with allow_connections false`);
  await admin.query(`select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = '${draft}'`);
  await admin.query(`alter database ${draft} rename to ${template}`);
}

/** Drops clones and templates of runs that are over, sparing those of runs that go on beside this one. */
async function dropLeftovers(admin: Client): Promise<void> {
  const { rows } = await admin.query<{ datname: string }>(
    `select datname from pg_database d where datname ~ '^(clone|template|draft_template)_' and datname !~ '^template[01]$'
        and not exists (select from pg_stat_activity a
                         where a.application_name like 'test-run %'
                           and (split_part(d.datname, '_', 2) = split_part(a.application_name, ' ', 2)
                                or d.datname = split_part(a.application_name, ' ', 3)))`,
  );
  for (const { datname } of rows) await admin.query(`drop database if exists ${datname} with (force)`);
}

async function hashOf(...directories: string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const directory of directories) {
    const entries = await readdir(join(PROJECT, directory), { recursive: true, withFileTypes: true });
    const files = entries.filter((e) => e.isFile()).map((e) => join(e.parentPath, e.name));
    for (const file of files.sort()) {
      const text = await readFile(file);
      hash.update(`${relative(PROJECT, file).split(sep).join('/')}\0${text.length}\0`).update(text);
    }
  }
  return hash.digest('hex').slice(0, 16);
}

/** Drops what the run has cloned and not dropped itself. */
export async function dropClones(run: TestRun): Promise<void> {
  const { rows } = await run.admin.query<{ datname: string }>('select datname from pg_database where datname ^@ $1', [
    clonePrefix(run.id),
  ]);
  for (const { datname } of rows) await run.admin.query(`drop database if exists ${datname} with (force)`);
}
