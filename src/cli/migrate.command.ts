import type { Env } from '../config/env';
import { migrateDown, migrateUp, migrationStates } from '../database/migrate';
import { openServer } from '../database/open';
import { UsageError, type Output } from './command';

/** Needs the server but not the schema, hence apart from the other commands. */
export async function migrate(env: Env, verb: string, say: (message: string) => void): Promise<Output> {
  const work = Object.hasOwn(VERBS, verb) ? VERBS[verb as keyof typeof VERBS] : undefined;
  if (work === undefined) throw new UsageError('migrate is followed by up, down or status');
  const server = await openServer(env, say);
  try {
    return await work(server.url);
  } finally {
    await server.close();
  }
}

const VERBS = {
  up: async (url: string): Promise<Output> => ({ applied: await migrateUp(url) }),
  down: async (url: string): Promise<Output> => ({ reverted: await migrateDown(url) }),
  status: async (url: string): Promise<Output> => ({ migrations: await migrationStates(url) }),
};
