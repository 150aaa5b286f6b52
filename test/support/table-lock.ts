import { Client } from 'pg';
import { until } from './until';

/** A session that stops others at a table, to catch them at a known place. */
export class TableLock {
  private constructor(private readonly client: Client) {}

  static async open(databaseUrl: string): Promise<TableLock> {
    const client = new Client({ connectionString: databaseUrl });
    client.on('error', () => undefined);
    await client.connect();
    return new TableLock(client);
  }

  async take(table: string, mode = 'access exclusive'): Promise<void> {
    await this.client.query(`begin; lock table ${table} in ${mode} mode`);
  }

  /** Waits until somebody else waits for the table. */
  async stopsSomebody(table: string): Promise<void> {
    await until(`somebody to wait for ${table}`, async () => {
      const { rowCount } = await this.client.query(
        `select from pg_locks where relation = $1::regclass and not granted
            and database = (select oid from pg_database where datname = current_database())`,
        [table],
      );
      return (rowCount ?? 0) > 0;
    });
  }

  async release(): Promise<void> {
    await this.client.query('rollback');
  }

  async close(): Promise<void> {
    await this.client.end();
  }
}
