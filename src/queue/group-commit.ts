import { AsyncResource } from 'node:async_hooks';
import { DatabaseUnavailable, isCrossed, sqlState } from '../database/faults';
import { unavailable } from '../errors';

/** Larger groups gain nothing more and make their members wait for each other. */
const MAX_ROWS = 500;
const MAX_BYTES = 4 * 1024 * 1024;
/** What may wait for the flush under way; past it, callers are better served by an answer at once. */
const MAX_WAITING_BYTES = 64 * 1024 * 1024;
const MAX_CROSSINGS = 5;

interface Waiting<Row, Answer> {
  readonly row: Row;
  readonly bytes: number;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Lets concurrent callers share one statement and its commit. At most one flush is under way (two measured 15 % slower);
 * whoever comes meanwhile forms the next group, and a lone caller is flushed at once, waiting for no timer.
 *
 * A fault is never shared with strangers: a group that met a data error is halved until the culprit stands alone.
 */
export class GroupCommit<Row, Answer> {
  private waiting: Waiting<Row, Answer>[] = [];
  private waitingBytes = 0;
  private flushing = false;

  /** @param write writes all rows or none; resolves to one answer for each, in order, an Error being a refusal */
  constructor(private readonly write: (rows: readonly Row[]) => Promise<(Answer | Error)[]>) {}

  add(row: Row, bytes: number): Promise<Answer> {
    if (this.waitingBytes + bytes > MAX_WAITING_BYTES) return Promise.reject(unavailable());
    return new Promise((resolve, reject) => {
      this.waiting.push({ row, bytes, resolve, reject });
      this.waitingBytes += bytes;
      if (!this.flushing) void this.drain();
    });
  }

  /** Bound to no caller's context: a group is the work of many, and its log lines belong to none of them. */
  private readonly drain = AsyncResource.bind(async (): Promise<void> => {
    this.flushing = true;
    while (this.waiting.length > 0) await this.flush(this.next());
    this.flushing = false;
  });

  private next(): Waiting<Row, Answer>[] {
    let bytes = 0;
    let count = 0;
    for (const { bytes: size } of this.waiting) {
      if (count > 0 && (count === MAX_ROWS || bytes + size > MAX_BYTES)) break;
      bytes += size;
      count++;
    }
    this.waitingBytes -= bytes;
    return this.waiting.splice(0, count);
  }

  /** Resolves to whether the database still answers. */
  private async flush(group: Waiting<Row, Answer>[], crossings = 0): Promise<boolean> {
    try {
      const answers = await this.write(group.map((w) => w.row));
      group.forEach((w, i) => {
        const answer = answers[i] as Answer | Error;
        if (answer instanceof Error) w.reject(answer);
        else w.resolve(answer);
      });
      return true;
    } catch (error) {
      if (isCrossed(error) && crossings < MAX_CROSSINGS) return this.flush(group, crossings + 1);
      if (error instanceof DatabaseUnavailable) return this.abandon(group);
      if (sqlState(error) === undefined || group.length === 1) {
        for (const w of group) w.reject(error);
        return true;
      }
      const half = Math.ceil(group.length / 2);
      const rest = group.slice(half);
      return (await this.flush(group.slice(0, half))) ? this.flush(rest) : this.abandon(rest);
    }
  }

  /** Those who wait would only meet the same silence, each after a deadline of its own. */
  private abandon(group: Waiting<Row, Answer>[]): false {
    const all = [...group, ...this.waiting];
    this.waiting = [];
    this.waitingBytes = 0;
    for (const w of all) w.reject(unavailable());
    return false;
  }
}
