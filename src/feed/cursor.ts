import { invalid, type FieldFault } from '../errors';
import { readLimit } from '../http/page';

/** Names a place in the feed of one account, so that a reader who mixes up its accounts' cursors is told. */
export function encodeCursor(atsId: string, position: number): string {
  return Buffer.from(JSON.stringify([atsId, position])).toString('base64url');
}

/**
 * Reads `after` and `limit`.
 *
 * @throws {DomainError} 422 naming each parameter that is wrong, a cursor of another account included
 */
export function readFeedQuery(
  query: Record<string, unknown>,
  atsId: string,
): { readonly after: number | null; readonly limit: number } {
  const faults: FieldFault[] = [];
  for (const name of Object.keys(query)) {
    if (!['after', 'limit'].includes(name)) faults.push({ field: name, message: 'is not a known parameter' });
  }
  const limit = readLimit(query, faults);
  const after = query.after === undefined ? null : decodeCursor(query.after, atsId);
  if (after === undefined) faults.push(UNKNOWN_CURSOR);
  if (faults.length > 0) throw invalid(faults);
  return { after: after ?? null, limit };
}

/** Also for a place that the feed has not reached, as after a restore of an older backup. */
export const UNKNOWN_CURSOR: FieldFault = { field: 'after', message: 'must be a next_cursor of this feed' };

const MAX_LENGTH = 2000;

function decodeCursor(cursor: unknown, atsId: string): number | undefined {
  if (typeof cursor !== 'string' || cursor.length > MAX_LENGTH) return undefined;
  try {
    const value: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    if (!Array.isArray(value) || value.length !== 2 || value[0] !== atsId) return undefined;
    const position: unknown = value[1];
    return Number.isSafeInteger(position) && (position as number) >= 0 ? (position as number) : undefined;
  } catch {
    return undefined;
  }
}
