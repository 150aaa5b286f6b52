/** Faster than this, an endpoint is no burden: its slot is soon free for somebody else. */
const FAST_MS = 1000;
const FIRST_LIMIT = 2;
const MAX_REMEMBERED = 10_000;

interface Account {
  inFlight: number;
  /** How many sends it may have in flight: it doubles with each success and begins anew after a failure. */
  limit: number;
  /** Its last attempt succeeded, and fast. Who has not shown that yet counts with the slow and the failing. */
  steady: boolean;
}

/**
 * The sending slots of one worker. Accounts that are slow, failing or not yet known hold at most half of them together,
 * so the other half is always near for those whose endpoints answer.
 */
export class Slots {
  private readonly accounts = new Map<string, Account>();
  private used = 0;
  private usedByUnsteady = 0;

  /** @param perAccount what one account may hold at the most */
  constructor(
    private readonly total: number,
    private readonly perAccount: number,
  ) {}

  get free(): number {
    return this.total - this.used;
  }

  /** How many each of these accounts may take now; those that hold fewest come first to what the unsteady share. */
  offer(atsIds: readonly string[]): Map<string, number> {
    const offers = new Map<string, number>();
    let shared = Math.min(this.free, Math.floor(this.total / 2) - this.usedByUnsteady);
    const known = atsIds.map((atsId) => ({ atsId, ...this.get(atsId) })).sort((a, b) => a.inFlight - b.inFlight);
    for (const { atsId, inFlight, limit, steady } of known) {
      const wanted = limit - inFlight;
      const granted = steady ? wanted : Math.min(wanted, shared);
      if (granted <= 0) continue;
      if (!steady) shared -= granted;
      offers.set(atsId, granted);
    }
    return offers;
  }

  take(atsId: string): void {
    const account = this.get(atsId);
    account.inFlight++;
    this.accounts.set(atsId, account);
    this.used++;
    if (!account.steady) this.usedByUnsteady++;
  }

  /** @param durationMs of the whole attempt */
  give(atsId: string, succeeded: boolean, durationMs: number): void {
    const account = this.get(atsId);
    const steady = succeeded && durationMs < FAST_MS;
    this.used--;
    // Those still in flight change sides with their account.
    if (!account.steady) this.usedByUnsteady -= account.inFlight;
    account.inFlight--;
    if (!steady) this.usedByUnsteady += account.inFlight;
    account.limit = Math.min(succeeded ? account.limit * 2 : FIRST_LIMIT, this.perAccount);
    account.steady = steady;
    if (this.accounts.size > MAX_REMEMBERED) this.forget();
  }

  private get(atsId: string): Account {
    return this.accounts.get(atsId) ?? { inFlight: 0, limit: Math.min(FIRST_LIMIT, this.perAccount), steady: false };
  }

  /** Who holds nothing is met again as a stranger, which costs it a few slow starts. */
  private forget(): void {
    for (const [atsId, { inFlight }] of this.accounts) if (inFlight === 0) this.accounts.delete(atsId);
  }
}
