import type { OnApplicationShutdown } from '@nestjs/common';
import { Injectable } from '@nestjs/common';
import type { ClientBase, Pool, PoolClient } from 'pg';
import { DataSource } from 'typeorm';
import { every } from '../observability/every';
import { logger } from '../observability/logger';
import { arrayLiteral } from './array-literal';
import { DatabaseUnavailable, translateFault } from './faults';

/** A statement written by hand, prepared once on each connection under its name. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

/** @param name unique in the program: PostgreSQL keeps one plan for each name on a connection. */
export function statement(name: string, text: string): Statement {
  return { name, text };
}

/**
 * A statement that reads a queue, planned anew at each run, which takes some 0.5 ms. A plan that is kept was made while the
 * queue was all but empty, when reading it whole looked cheapest, and stays until autovacuum comes by: with 40,000
 * messages in the queue a claim then took 35 s instead of 40 ms.
 */
export function queueStatement(text: string): Statement {
  return statement('', text);
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

  /**
   * @param deadlineMs after it the connection is given up, its outcome unknown, and the call fails
   * @throws {DatabaseUnavailable} or the server's refusal, as `pg` reports it
   */
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
      await tx.query(unnamed(`begin; ${limits('local', deadlineMs)}`));
      const result = await work(tx);
      await tx.query(COMMIT);
      return result;
    });
  }

  /** Runs `work` on one connection, each statement in its own transaction: for what cannot run inside one. */
  async session<T>(work: (tx: Tx) => Promise<T>, deadlineMs = DEFAULT_DEADLINE_MS): Promise<T> {
    return this.connected(async (client) => {
      const tx: Tx = { query: (sql, values = []) => run(client, sql, values, deadlineMs) };
      try {
        await tx.query(unnamed(limits('session', deadlineMs)));
        return await work(tx);
      } finally {
        await run(client, RESET, [], ROLLBACK_DEADLINE_MS);
      }
    });
  }

  async onApplicationShutdown(): Promise<void> {
    await this.source.destroy();
  }

  private async connected<T>(work: (client: PoolClient) => Promise<T>): Promise<T> {
    const client = await this.pool.connect().catch((fault: unknown) => this.fail(translateFault(fault)));
    // A connection that breaks between two statements emits an error that would otherwise end the process.
    client.on('error', ignore);
    try {
      const result = await work(client);
      client.off('error', ignore).release();
      return result;
    } catch (fault) {
      await giveBack(client, fault);
      return this.fail(fault);
    }
  }

  private fail(fault: unknown): never {
    if (fault instanceof DatabaseUnavailable) {
      this.trouble((suppressed) => {
        logger.warn({ err: fault.cause, suppressed }, 'database.trouble');
      });
    }
    throw fault;
  }
}

/** For whatever a request waits for: with 1.5 s to get a connection and 1 s to limit it, its caller has a 503 within 5 s. */
export const REQUEST_DEADLINE_MS = 2500;
const LIMIT_DEADLINE_MS = 1000;
const TROUBLE_LOGGED_MS = 10_000;
const DEFAULT_DEADLINE_MS = 30_000;
const COMMIT = statement('commit', 'commit');
const ROLLBACK = statement('rollback', 'rollback');
const ROLLBACK_DEADLINE_MS = 1000;
const ignore = (): void => undefined;

/**
 * The server gives up a statement a little before we do: one that we merely left would go on, holding its locks, and
 * whoever tries the work again would wait for it. And it ends a transaction whose machine fell silent between two
 * statements, which TCP alone would find out after two hours.
 */
function limits(scope: 'local' | 'session', deadlineMs: number): string {
  const timeout = Math.ceil(deadlineMs * 0.9);
  return `set ${scope} statement_timeout = ${timeout}; set ${scope} idle_in_transaction_session_timeout = ${deadlineMs}`;
}

const USUAL_LIMITS = limits('session', DEFAULT_DEADLINE_MS);
/** Ends what a session left: its settings and its advisory locks. */
const RESET = unnamed(`select pg_advisory_unlock_all(); set lock_timeout = 0; ${USUAL_LIMITS}`);

/**
 * For every new connection, since entities and single statements set no limits of their own. Not among the parameters with
 * which a connection starts: PgBouncer refuses those.
 */
export async function limit(client: ClientBase): Promise<void> {
  await run(client, unnamed(USUAL_LIMITS), [], LIMIT_DEADLINE_MS);
}

function unnamed(text: string): Statement {
  return { name: '', text };
}

async function run<T extends object>(
  client: ClientBase,
  sql: Statement,
  values: readonly unknown[],
  deadlineMs: number,
): Promise<T[]> {
  // Without values the simple protocol is spoken, which takes several statements in one text.
  const given = values.length > 0 ? { values: values.map(arrayLiteral) } : {};
  const config = { name: sql.name, text: sql.text, ...given, query_timeout: deadlineMs };
  try {
    return (await client.query(config)).rows as T[];
  } catch (fault) {
    throw translateFault(fault);
  }
}

/** A refused statement leaves a good connection, once rolled back; after trouble nobody knows its state. */
async function giveBack(client: PoolClient, fault: unknown): Promise<void> {
  try {
    if (fault instanceof DatabaseUnavailable) throw fault;
    await run(client, ROLLBACK, [], ROLLBACK_DEADLINE_MS);
    client.off('error', ignore).release();
  } catch {
    client.release(true);
  }
}
