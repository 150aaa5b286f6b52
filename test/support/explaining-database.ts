import type { Client } from 'pg';
import { Database, type Statement, type Tx } from '../../src/database/database';

/** A step of a plan, as `EXPLAIN (ANALYZE, FORMAT JSON)` tells it. */
interface Step {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Actual Rows'?: number;
  readonly 'Actual Loops'?: number;
  readonly 'Rows Removed by Filter'?: number;
  readonly 'Rows Removed by Index Recheck'?: number;
  readonly Plans?: readonly Step[];
}

/** One table's part in a statement: how it was looked through, and how many of its rows were read for that. */
export interface Scan {
  readonly statement: string;
  readonly table: string;
  readonly type: string;
  /** 0 in a plan that was not run. */
  readonly rows: number;
}

/**
 * Runs the statements of the real services on one connection, having explained each first: with its values, run and undone
 * again, and, if it is prepared by a name, as the generic plan that PostgreSQL may change to after five runs.
 */
export class ExplainingDatabase {
  readonly scans: Scan[] = [];
  readonly statements = new Set<string>();

  /** @param named the statements that a report calls by these names; those of the queue have none of their own */
  constructor(
    private readonly client: Client,
    private readonly named: Readonly<Record<string, unknown>>,
  ) {}

  /** What the services take. */
  get asDatabase(): Database {
    return this as unknown as Database;
  }

  forget(): void {
    this.scans.length = 0;
    this.statements.clear();
  }

  async query<T extends object>(sql: Statement, values: readonly unknown[] = []): Promise<T[]> {
    return this.transaction((tx) => tx.query<T>(sql, values));
  }

  async transaction<R>(work: (tx: Tx) => Promise<R>): Promise<R> {
    await this.client.query('begin');
    try {
      const result = await work({ query: (sql, values = []) => this.explained(sql, values) });
      await this.client.query('commit');
      return result;
    } catch (error) {
      await this.client.query('rollback');
      throw error;
    }
  }

  private async explained<T extends object>(sql: Statement, values: readonly unknown[]): Promise<T[]> {
    const name = this.nameOf(sql);
    this.statements.add(name);
    await this.client.query('savepoint explained');
    await this.explain(name, `explain (analyze, timing off, format json) ${sql.text}`, values);
    await this.client.query('rollback to explained');
    if (sql.name !== '' && values.length > 0)
      await this.explain(name, `explain (generic_plan, format json) ${sql.text}`);
    return (await this.client.query(sql.text, values as unknown[])).rows as T[];
  }

  private nameOf(sql: Statement): string {
    return Object.entries(this.named).find(([, statement]) => statement === sql)?.[0] ?? sql.name;
  }

  private async explain(statement: string, text: string, values: readonly unknown[] = []): Promise<void> {
    const { rows } = await this.client.query<{ 'QUERY PLAN': [{ Plan: Step }] }>(text, values as unknown[]);
    const visit = (step: Step): void => {
      const table = step['Relation Name'];
      if (table !== undefined && /Scan$/.test(step['Node Type'])) {
        const each =
          (step['Actual Rows'] ?? 0) +
          (step['Rows Removed by Filter'] ?? 0) +
          (step['Rows Removed by Index Recheck'] ?? 0);
        this.scans.push({ statement, table, type: step['Node Type'], rows: each * (step['Actual Loops'] ?? 0) });
      }
      step.Plans?.forEach(visit);
    };
    visit(rows[0]!['QUERY PLAN'][0].Plan);
  }
}
