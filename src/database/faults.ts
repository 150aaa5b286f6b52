import { DomainError, unavailable } from '../errors';

/**
 * The database did not answer as a working one does: it is away, going away, full, read-only or too slow. Callers are told
 * no more than `unavailable`; the cause is for the log.
 */
export class DatabaseUnavailable extends DomainError {
  /** @param deadline the statement took too long: the server may be in trouble, or the statement too much */
  constructor(
    override readonly cause: unknown,
    readonly deadline: boolean,
  ) {
    const { kind, message, faults, retryAfter } = unavailable();
    super(kind, message, faults, retryAfter);
  }
}

/** `pg` says so in words only; the message is its own, never the server's or a tenant's. */
const DEADLINE = /^(Query read timeout|timeout exceeded when trying to connect)$/;
const QUERY_CANCELED = '57014';
/** Connection (but no mistake of ours in the protocol), resources, operator, system, read-only, idle too long. */
const TROUBLE = /^(08(?!P01)|53|57|58|25006|25P03)/;

/**
 * Judges what `pg` rejected with, at the place where it did: whatever is no answer of the server, and no mistake in the
 * call, is trouble with the connection.
 */
export function translateFault(fault: unknown): unknown {
  const state = sqlState(fault);
  if (state !== undefined) {
    return TROUBLE.test(state) ? new DatabaseUnavailable(fault, state === QUERY_CANCELED) : fault;
  }
  if (fault instanceof TypeError || fault instanceof RangeError) return fault;
  return new DatabaseUnavailable(fault, fault instanceof Error && DEADLINE.test(fault.message));
}

/** PostgreSQL's five-character code, or undefined when the fault is not an answer of the server. */
export function sqlState(fault: unknown): string | undefined {
  if (!(fault instanceof Error) || !('code' in fault) || !('severity' in fault)) return undefined;
  return typeof fault.code === 'string' ? fault.code : undefined;
}

/** Two transactions crossed: the same work may simply be tried again. */
export function isCrossed(fault: unknown): boolean {
  const state = sqlState(fault);
  return state === '40P01' || state === '40001';
}
