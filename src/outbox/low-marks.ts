/** Behind every account: no id has such a letter. */
const END = '\u{10FFFF}';
/** A whole look takes at most this part of the time. */
const WHOLE_PART = 1 / 20;
/** What an account left in the index without having anything queued is no longer worth a look of its own. */
const FORGOTTEN_AFTER_MS = 60_000;

/** One account as a look found it. `low`: none of its messages in the queue is due before. */
export interface Looked {
  readonly ats_id: string;
  readonly queued: boolean;
  readonly low: Date;
}

/**
 * How early each account's messages can be due, as of the last look, so that the next need not go over the index entries of all
 * that was delivered before. A message whose transaction took longer than the margin of `low` may be due earlier: every so often
 * a look is a whole one, which trusts no mark.
 */
export class LowMarks {
  private readonly marks = new Map<string, { low: Date; queuedAt: number }>();
  private whole = true;
  private wholeAt = 0;
  private spentMs = 0;

  /** Where a look behind `after` may begin for each account that has a mark, and as far as where; '' begins a round. */
  from(after: string, limit: number): { accounts: string[]; lows: string[]; end: string } {
    if (after === '') this.beginRound();
    const marks = this.whole ? [] : [...this.marks].filter(([account]) => account > after);
    marks.sort(([a], [b]) => (a < b ? -1 : 1));
    const used = marks.slice(0, limit);
    return {
      accounts: used.map(([account]) => account),
      lows: used.map(([, { low }]) => low.toISOString()),
      end: marks[limit]?.[0] ?? END,
    };
  }

  /** @param tookMs the look */
  note(rows: readonly Looked[], tookMs: number): void {
    this.spentMs += tookMs;
    const now = performance.now();
    for (const { ats_id, queued, low } of rows) {
      const queuedAt = queued ? now : (this.marks.get(ats_id)?.queuedAt ?? now);
      if (now - queuedAt < FORGOTTEN_AFTER_MS) this.marks.set(ats_id, { low, queuedAt });
      else this.marks.delete(ats_id);
    }
  }

  of(account: string): Date | undefined {
    return this.marks.get(account)?.low;
  }

  private beginRound(): void {
    const now = performance.now();
    if (this.whole) this.wholeAt = now + this.spentMs / WHOLE_PART;
    this.whole = now >= this.wholeAt;
    this.spentMs = 0;
  }
}
