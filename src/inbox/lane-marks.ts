import type { Database } from '../database/database';
import { HORIZON } from './claim.sql';

const HORIZON_EVERY_MS = 100;
/** Each takes a look of its own, and without one a lane is merely looked at from its beginning. */
const MAX_MARKS = 256;

/** A lane and the id before which it holds nothing. */
export interface Mark {
  readonly atsId: string;
  readonly clientId: string;
  readonly id: string;
}

interface Horizon {
  readonly last_id: string;
  readonly writers: string[];
}

/**
 * From which id on each lane has to be looked at, so that a claim need not go over the index entries of all that was processed
 * before: while anybody holds a snapshot, they stay.
 *
 * No mark may stand behind a message that still comes to light, or its successors would overtake it. So marks never pass the
 * horizon, up to which every id is of a transaction that has ended: whoever takes an id holds a lock on the queue from before
 * that until its end, and all who held one when the horizon was the newest id are gone.
 */
export class LaneMarks {
  private readonly marks = new Map<string, Mark>();
  private horizon = 0n;
  private next: { readonly lastId: bigint; readonly writers: ReadonlySet<string> } | undefined;
  private horizonAt = 0;

  constructor(private readonly database: Database) {}

  /** @returns the horizon, for what is noted of lanes claimed in a snapshot that is taken later */
  async advance(): Promise<bigint> {
    if (performance.now() < this.horizonAt) return this.horizon;
    this.horizonAt = performance.now() + HORIZON_EVERY_MS;
    const [row] = await this.database.query<Horizon>(HORIZON);
    const lastId = BigInt(row?.last_id ?? 0);
    const writers = row?.writers ?? [];
    // Another server has taken over, which does not know the last ids: they are given again.
    if (this.next !== undefined && lastId < this.next.lastId) this.forget();
    const { next } = this;
    if (next !== undefined && writers.some((writer) => next.writers.has(writer))) return this.horizon;
    this.horizon = next?.lastId ?? this.horizon;
    this.next = { lastId, writers: new Set(writers) };
    return this.horizon;
  }

  /** Those of lanes behind `account`. */
  behind(account: string): Mark[] {
    return [...this.marks.values()].filter((mark) => mark.atsId > account);
  }

  /** Where the lane begins. */
  of(atsId: string, clientId: string): string {
    return this.marks.get(keyOf(atsId, clientId))?.id ?? '0';
  }

  /** @param first the id of the oldest message of the lane, of all that are there */
  note(atsId: string, clientId: string, first: string, horizon: bigint): void {
    const key = keyOf(atsId, clientId);
    const id = BigInt(first) > horizon ? horizon : BigInt(first);
    // As the last of the map: the first is the one that was noted longest ago.
    this.marks.delete(key);
    this.marks.set(key, { atsId, clientId, id: String(id) });
    for (const [oldest] of this.marks) {
      if (this.marks.size <= MAX_MARKS) break;
      this.marks.delete(oldest);
    }
  }

  private forget(): void {
    this.marks.clear();
    this.next = undefined;
    this.horizon = 0n;
  }
}

function keyOf(atsId: string, clientId: string): string {
  return JSON.stringify([atsId, clientId]);
}
