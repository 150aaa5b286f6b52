import type { Env } from '../config/env';
import { startEmbeddedPostgres } from './embedded-postgres';
import { migrateUp, migrationStates } from './migrate';

/** The database that the settings mean, running and ready for this code. */
export interface OpenDatabase {
  readonly url: string;
  readonly embedded: boolean;
  close(): Promise<void>;
}

/** The database's schema is older than this code, and the settings forbid to migrate it at start. */
export class PendingMigrations extends Error {
  constructor(readonly names: readonly string[]) {
    super(`The database is behind this code: ${names.join(', ')}. Apply with: cli migrate up`);
    this.name = 'PendingMigrations';
  }
}

/** Starts or joins the embedded server unless `DATABASE_URL` names one. @throws Error that says what to do next */
export async function openServer(env: Env, onProgress: (message: string) => void): Promise<OpenDatabase> {
  if (env.DATABASE_URL !== undefined) {
    return { url: env.DATABASE_URL, embedded: false, close: () => Promise.resolve() };
  }
  const server = await startEmbeddedPostgres({ dataDir: env.DATA_DIR, onProgress });
  return { url: server.url, embedded: true, close: () => server.close() };
}

/** The same, its schema brought up to this code. @throws {PendingMigrations} when the settings forbid that */
export async function openDatabase(env: Env, onProgress: (message: string) => void): Promise<OpenDatabase> {
  const server = await openServer(env, onProgress);
  try {
    await bringUp(server.url, env, onProgress);
    return server;
  } catch (error) {
    await server.close();
    throw error;
  }
}

async function bringUp(url: string, env: Env, onProgress: (message: string) => void): Promise<void> {
  const pending = (await migrationStates(url)).filter((m) => !m.applied).map((m) => m.name);
  if (pending.length === 0) return;
  if (!env.MIGRATE_ON_START) throw new PendingMigrations(pending);
  for (const name of await migrateUp(url)) onProgress(`Migrated: ${name}`);
}
