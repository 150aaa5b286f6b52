import { join } from 'node:path';
import type { ClientBase } from 'pg';
import { DataSource } from 'typeorm';

/** Set on every connection, so that `pg_stat_activity` tells which of them are the gateway's. */
const APPLICATION_NAME = 'ats-gateway';

/**
 * The one description of the database, for the application, the command line and the migrations. Entities and
 * migrations are found by their file names, so that this room need not know the rooms above it.
 *
 * @param onConnect prepares each new connection
 */
export function createDataSource(
  url: string,
  poolSize: number,
  onConnect?: (client: ClientBase) => Promise<void>,
): DataSource {
  return new DataSource({
    type: 'postgres',
    url,
    synchronize: false,
    entities: [join(__dirname, '..', '*', '*.entity.{js,ts}')],
    migrations: [join(__dirname, '..', '..', 'migrations', '*.{js,ts}')],
    migrationsTableName: 'migration',
    poolSize,
    connectTimeoutMS: 1500,
    applicationName: APPLICATION_NAME,
    extra: { keepAlive: true, idleTimeoutMillis: 60_000, onConnect },
  });
}
