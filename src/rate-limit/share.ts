/** Tokens come at `perSecond` until there are `capacity` of them, a whole number. */
export interface Rate {
  readonly perSecond: number;
  readonly capacity: number;
}

/** What a process took out of an account's bucket, and what it left in it. */
export interface Grant {
  readonly granted: number;
  readonly level: number;
}

/**
 * A process's share of one account's bucket: tokens that it took out, to be spent without asking again. What is in the
 * bucket and what is in the share never exceed the capacity together, or a process that took tokens and rested would have
 * more than a burst: as the bucket fills up again, the share is given up. For a lone process this is exact. Beside others
 * it believes the bucket fuller than it is, so it gives up sooner.
 *
 * Times are milliseconds of a clock that never goes back.
 */
export class Share {
  private tokens = 0;
  private level = 0;
  private levelAt: number;

  constructor(
    private readonly rate: Rate,
    now: number,
  ) {
    this.levelAt = now;
  }

  /** Spends one token if there is one. */
  spend(now: number): boolean {
    this.settle(now);
    if (this.tokens < 1) return false;
    this.tokens--;
    return true;
  }

  add({ granted, level }: Grant, now: number): void {
    this.settle(now);
    this.tokens += granted;
    this.level = level;
    this.levelAt = now;
  }

  /** All that the account has left, as far as this process knows. */
  left(now: number): number {
    this.settle(now);
    return this.tokens + this.inBucket(now);
  }

  private settle(now: number): void {
    // Whole tokens: parts of one here and there would make up none.
    this.tokens = Math.min(this.tokens, Math.ceil(this.rate.capacity - this.inBucket(now)));
  }

  private inBucket(now: number): number {
    return Math.min(this.rate.capacity, this.level + ((now - this.levelAt) / 1000) * this.rate.perSecond);
  }
}
