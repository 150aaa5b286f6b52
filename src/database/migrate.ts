import type { DataSource } from 'typeorm';
import { createDataSource } from './data-source';

/** Any number will do, so long as every release of the gateway uses this one. */
const MIGRATION_LOCK = 7_320_551;

export interface MigrationState {
  name: string;
  applied: boolean;
}

/** Applies every pending migration; returns their names. Several processes at once apply each of them once. */
export function migrateUp(url: string): Promise<string[]> {
  return alone(url, async (source) => (await source.runMigrations({ transaction: 'each' })).map((m) => m.name));
}

/** Reverts the newest applied migration; returns its name, or null when none is applied. */
export function migrateDown(url: string): Promise<string | null> {
  return alone(url, async (source) => {
    const newest = (await states(source)).filter((m) => m.applied).at(-1);
    if (newest !== undefined) await source.undoLastMigration({ transaction: 'each' });
    return newest?.name ?? null;
  });
}

export async function migrationStates(url: string): Promise<MigrationState[]> {
  const source = await createDataSource(url, 1).initialize();
  try {
    return await states(source);
  } finally {
    await source.destroy();
  }
}

/** All migrations that this code brings, oldest first. */
async function states(source: DataSource): Promise<MigrationState[]> {
  const [found] = await source.query<{ exists: boolean }[]>(`select to_regclass('migration') is not null as exists`);
  const applied = found?.exists ? await source.query<{ name: string }[]>('select name from migration') : [];
  const names = new Set(applied.map((m) => m.name));
  return source.migrations
    .map((m) => m.name ?? m.constructor.name)
    .sort((a, b) => Number(a.slice(-13)) - Number(b.slice(-13)))
    .map((name) => ({ name, applied: names.has(name) }));
}

/** Two connections: the one that holds the lock must not be the one that a failed migration breaks. */
async function alone<T>(url: string, work: (source: DataSource) => Promise<T>): Promise<T> {
  const source = await createDataSource(url, 2).initialize();
  const holder = source.createQueryRunner();
  try {
    await holder.query('select pg_advisory_lock($1)', [MIGRATION_LOCK]);
    return await work(source);
  } finally {
    await holder.query('select pg_advisory_unlock($1)', [MIGRATION_LOCK]).catch(() => undefined);
    await holder.release();
    await source.destroy();
  }
}
