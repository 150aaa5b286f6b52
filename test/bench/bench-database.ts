import { join } from 'node:path';
import { Client, type QueryResultRow } from 'pg';
import { Clock } from '../../src/database/clock';
import { createDataSource } from '../../src/database/data-source';
import { Database } from '../../src/database/database';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/database/embedded-postgres';
import { migrateUp } from '../../src/database/migrate';
import { Partitions } from '../../src/database/partitions';

const DATA_DIR = join(__dirname, '..', '..', '.cache', 'bench-postgres');
const TEMPLATE = 'bench_template';

/** A database of its own on the benchmark's server, and a connection to it. */
export interface BenchDatabase {
  readonly url: string;
  query<T extends QueryResultRow>(sql: string, values?: unknown[]): Promise<T[]>;
  drop(): Promise<void>;
}

/** The benchmark's own PostgreSQL, with the settings that it comes with but for the number of connections. */
export class BenchServer {
  private count = 0;

  private constructor(
    private readonly server: EmbeddedPostgres,
    private readonly admin: Client,
  ) {}

  static async start(): Promise<BenchServer> {
    const server = await startEmbeddedPostgres({ dataDir: DATA_DIR, settings: { max_connections: '200' } });
    const admin = await connected(server.url);
    const { rows } = await admin.query<{ datname: string }>(
      `select datname from pg_database d where datname like 'bench%'
          and not exists (select from pg_stat_activity a where a.datname = d.datname)`,
    );
    for (const { datname } of rows) await admin.query(`drop database ${datname} with (force)`);
    const made = new BenchServer(server, admin);
    const template = await made.empty(`${TEMPLATE}_${process.pid}`);
    await migrateUp(template.url);
    await withPartitions(template.url, (partitions) => partitions.ensure());
    await template.disconnect();
    return made;
  }

  /** The version, and whatever of its durability was not left as it comes. */
  async describe(): Promise<{ version: string; settings: string }> {
    const { rows } = await this.admin.query<{ version: string; settings: string }>(
      `select current_setting('server_version') as version,
              (select string_agg(name || ' = ' || setting, ', ' order by name) from pg_settings
                where name in ('fsync', 'synchronous_commit', 'full_page_writes', 'wal_sync_method', 'shared_buffers')) as settings`,
    );
    return rows[0]!;
  }

  /** @param migrated false: without the gateway's tables, for peers that bring their own */
  async database(migrated = true): Promise<BenchDatabase> {
    return this.empty(`bench_${process.pid}_${this.count++}`, migrated ? `${TEMPLATE}_${process.pid}` : undefined);
  }

  async stop(): Promise<void> {
    await this.admin.query(`drop database if exists ${TEMPLATE}_${process.pid} with (force)`);
    await this.admin.end();
    await this.server.close();
  }

  private async empty(name: string, template = 'template1'): Promise<BenchDatabase & { disconnect(): Promise<void> }> {
    await this.admin.query(`create database ${name} template ${template}`);
    const url = new URL(this.server.url);
    url.pathname = `/${name}`;
    const client = await connected(url.href);
    return {
      url: url.href,
      query: async <T extends QueryResultRow>(sql: string, values?: unknown[]) =>
        (await client.query<T>(sql, values)).rows,
      disconnect: () => client.end(),
      drop: async () => {
        await client.end();
        await this.admin.query(`drop database ${name} with (force)`);
      },
    };
  }
}

export async function withPartitions<T>(url: string, work: (partitions: Partitions) => Promise<T>): Promise<T> {
  const source = await createDataSource(url, 2).initialize();
  try {
    const database = new Database(source);
    return await work(new Partitions(database, new Clock(database)));
  } finally {
    await source.destroy();
  }
}

async function connected(url: string): Promise<Client> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}
