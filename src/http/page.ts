import { invalid, type FieldFault } from '../errors';

/** Where a list goes on: behind this time, and behind this id among those of that very time. */
export interface Position {
  /** ISO 8601, to the microsecond. */
  readonly updatedAt: string;
  readonly id: string;
}

export interface Page {
  readonly after: Position;
  readonly limit: number;
}

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 200;
const TIMESTAMP = /^[12]\d{3}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.(\d{1,6}))?(?:Z|[+-]\d{2}:\d{2})$/;

/**
 * Reads `updated_after`, `limit` and `cursor`; a cursor, where given, says where to go on.
 *
 * @throws {DomainError} 422 naming each parameter that is wrong.
 */
export function readPage(query: Record<string, unknown>): Page {
  const faults: FieldFault[] = [];
  const fault = (field: string, message: string): void => void faults.push({ field, message });
  for (const name of Object.keys(query)) {
    if (!['updated_after', 'limit', 'cursor'].includes(name)) fault(name, 'is not a known parameter');
  }
  const limit = readLimit(query, faults);
  let after: Position = { updatedAt: '-infinity', id: '' };
  if (query.updated_after !== undefined) {
    const updatedAt = readTime(query.updated_after);
    if (updatedAt === null) fault('updated_after', 'must be a time such as 2026-02-25T10:30:00Z');
    else after = { updatedAt, id: LAST_ID };
  }
  if (query.cursor !== undefined) {
    const position = decodeCursor(query.cursor);
    if (position === null) fault('cursor', 'must be a next_cursor of an earlier page');
    else after = position;
  }
  if (faults.length > 0) throw invalid(faults);
  return { after, limit };
}

/** Reads `limit`; adds a fault when it is out of bounds. */
export function readLimit(query: Record<string, unknown>, faults: FieldFault[]): number {
  const limit = query.limit === undefined ? DEFAULT_LIMIT : Number(query.limit);
  if (Number.isInteger(limit) && limit >= 1 && limit <= MAX_LIMIT) return limit;
  faults.push({ field: 'limit', message: `must be from 1 to ${MAX_LIMIT}` });
  return DEFAULT_LIMIT;
}

/** Sorts behind every id, so that `updated_after` leaves out what was changed at that very time. */
const LAST_ID = '\u{10FFFF}';

export function encodeCursor(position: Position): string {
  return Buffer.from(JSON.stringify([position.updatedAt, position.id])).toString('base64url');
}

function decodeCursor(cursor: unknown): Position | null {
  if (typeof cursor !== 'string' || cursor.length > 2000) return null;
  try {
    const value: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    if (!Array.isArray(value) || value.length !== 2) return null;
    const [time, id] = value as [unknown, unknown];
    const updatedAt = readTime(time);
    return updatedAt !== null && typeof id === 'string' && !id.includes('\0') ? { updatedAt, id } : null;
  } catch {
    return null;
  }
}

/** In UTC and in the calendar, which PostgreSQL insists on and `Date.parse` mends; a Date alone loses microseconds. */
function readTime(value: unknown): string | null {
  const match = typeof value === 'string' ? TIMESTAMP.exec(value) : null;
  const time = match === null ? NaN : Date.parse(match[0]);
  if (Number.isNaN(time)) return null;
  const micros = (match?.[1] ?? '').padEnd(6, '0').slice(3);
  return new Date(time).toISOString().replace('Z', `${micros}Z`);
}
