import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, type DatabaseError } from 'pg';

/** What global-setup.ts hands to the workers. */
export const ADMIN_URL = 'TEST_POSTGRES_ADMIN_URL';
export const TEMPLATE = 'TEST_POSTGRES_TEMPLATE';
export const RUN = 'TEST_POSTGRES_RUN';

const SOURCE_IN_USE = '55006';

export interface TestDatabase {
  url: string;
  drop(): Promise<void>;
}

/** A database of the caller's own with every migration applied: a clone of the template that global-setup.ts made. */
export async function createDatabase(): Promise<TestDatabase> {
  const [admin, template, run] = [ADMIN_URL, TEMPLATE, RUN].map((name) => process.env[name]);
  if (!admin || !template || !run) throw new Error('No test server: the global setup of jest.config.js has not run');
  const name = `${clonePrefix(run)}${randomBytes(6).toString('hex')}`;
  for (let tries = 1; ; tries++) {
    try {
      await execute(admin, `create database ${name} template ${template}`);
      break;
    } catch (e) {
      // Nobody can connect to the template, but the server's own workers look at it now and then.
      if ((e as DatabaseError).code !== SOURCE_IN_USE || tries === 20) throw e;
      await sleep(50 * tries);
    }
  }
  return { url: databaseUrl(admin, name), drop: () => execute(admin, `drop database if exists ${name} with (force)`) };
}

export function clonePrefix(run: string): string {
  return `clone_${run}_`;
}

export function databaseUrl(admin: string, database: string): string {
  const url = new URL(admin);
  url.pathname = `/${database}`;
  return url.href;
}

async function execute(url: string, sql: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
