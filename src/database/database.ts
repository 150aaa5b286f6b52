import type { OnApplicationShutdown } from '@nestjs/common';
import { Injectable } from '@nestjs/common';
import type { Pool, PoolClient } from 'pg';
import { DataSource } from 'typeorm';
import { DomainError, unavailable } from '../errors';
import { every } from '../observability/every';
import { logger } from '../observability/logger';

/** A statement written by hand, prepared once on each connection under its name. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

/** @param name unique in the program: PostgreSQL keeps one plan for each name on a connection. */
export function statement(name: string, text: string): Statement {
  return { name, text };
}

/** Where statements run: in a transaction, or each in its own. */
export interface Tx {
  query<T extends object>(sql: Statement, values?: readonly unknown[]): Promise<T[]>;
}

interface PgDriver {
  master: Pool;
}

/**
 * The hot path's way to the database: hand-written statements on TypeORM's own pool, without its query runner, which
 * returns another shape for `update` and `delete` and costs two thirds of the rate at which writes are accepted.
 */
@Injectable()
export class Database implements Tx, OnApplicationShutdown {
  private readonly pool: Pool;
  private readonly trouble = every(TROUBLE_LOGGED_MS);

  constructor(readonly source: DataSource) {
    this.pool = (source.driver as unknown as PgDriver).master;
  }

  /** @param deadlineMs after it the connection is given up, its outcome unknown, and the call fails. */
  async query<T extends object>(
    sql: Statement,
    values: readonly unknown[] = [],
    deadlineMs = DEFAULT_DEADLINE_MS,
  ): Promise<T[]> {
    return this.connected((client) => run<T>(client, sql, values, deadlineMs));
  }

  /** Runs `work` in one transaction: committed when it resolves, rolled back when it throws. */
  async transaction<T>(work: (tx: Tx) => Promise<T>, deadlineMs = DEFAULT_DEADLINE_MS): Promise<T> {
    return this.connected(async (client) => {
      const until = performance.now() + deadlineMs;
      const tx: Tx = { query: (sql, values = []) => run(client, sql, values, Math.max(1, until - performance.now())) };
      await tx.query(BEGIN);
      const result = await work(tx);
      await tx.query(COMMIT);
      return result;
    });
  }

  async onApplicationShutdown(): Promise<void> {
    await this.source.destroy();
  }

  /** The server's trouble reaches callers, and theirs, as `unavailable`; its cause is for the log alone. */
  private translate(error: unknown): never {
    if (error instanceof DomainError || !isConnectionFault(error)) throw error;
    this.trouble((suppressed) => {
      logger.warn({ err: error, suppressed }, 'database.trouble');
    });
    throw unavailable();
  }

  private async connected<T>(work: (client: PoolClient) => Promise<T>): Promise<T> {
    const client = await this.pool.connect().catch((error: unknown) => this.translate(error));
    // A connection that breaks between two statements emits an error that would otherwise end the process.
    client.on('error', ignore);
    let fault: unknown;
    try {
      return await work(client);
    } catch (error) {
      fault = error;
      return this.translate(error);
    } finally {
      client.off('error', ignore);
      if (fault === undefined) client.release();
      else await giveBack(client, fault);
    }
  }
}

const TROUBLE_LOGGED_MS = 10_000;
const DEFAULT_DEADLINE_MS = 30_000;
const BEGIN = statement('begin', 'begin');
const COMMIT = statement('commit', 'commit');
const ignore = (): void => undefined;

async function run<T extends object>(
  client: PoolClient,
  sql: Statement,
  values: readonly unknown[],
  deadlineMs: number,
): Promise<T[]> {
  const config = { name: sql.name, text: sql.text, values: values as unknown[], query_timeout: deadlineMs };
  return (await client.query(config)).rows as T[];
}

/** A refused statement leaves a good connection, once rolled back; after anything else nobody knows its state. */
async function giveBack(client: PoolClient, fault: unknown): Promise<void> {
  if (sqlState(fault) === undefined || isConnectionFault(fault)) {
    client.release(true);
    return;
  }
  try {
    await client.query({ text: 'rollback', query_timeout: 1000 } as { text: string });
    client.release();
  } catch {
    client.release(true);
  }
}

/** PostgreSQL's five-character code, or undefined when the fault is not an answer of the server. */
export function sqlState(fault: unknown): string | undefined {
  if (!(fault instanceof Error) || !('code' in fault) || !('severity' in fault)) return undefined;
  return typeof fault.code === 'string' ? fault.code : undefined;
}

/** The server is away, going away, full or read-only: the same statement may well succeed later. */
export function isConnectionFault(fault: unknown): boolean {
  if (fault instanceof DomainError) return fault.kind === 'unavailable';
  const state = sqlState(fault);
  if (state !== undefined) return /^(08|53|57|58|25006|XX000)/.test(state);
  if (!(fault instanceof Error)) return false;
  if ('code' in fault && typeof fault.code === 'string')
    return /^(ECONN|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENOTFOUND|EAI_)/.test(fault.code);
  return /timeout|terminated|not queryable|Connection|destroyed|after calling end/i.test(fault.message);
}

/** Two transactions crossed: the same work may simply be tried again. */
export function isCrossed(fault: unknown): boolean {
  const state = sqlState(fault);
  return state === '40P01' || state === '40001';
}
