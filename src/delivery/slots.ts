const FIRST_LIMIT = 2;
const MAX_REMEMBERED = 10_000;

interface Account {
  inFlight: number;
  /** How many sends it may have in flight: it doubles with each success and begins anew after a failure. */
  limit: number;
  /** Of its last send, counting all accounts' sends. */
  turn: number;
  /** The last news of it is a fast success. Who has not shown that yet counts with the slow and the failing. */
  steady: boolean;
}

/** One slot in use. */
export interface Slot {
  readonly atsId: string;
  readonly since: number;
}

/**
 * The sending slots of one worker. Accounts that are slow, failing or not yet known hold at most half of them together,
 * so the other half is always near for those whose endpoints answer. Times are milliseconds of any one clock.
 */
export class Slots {
  private readonly accounts = new Map<string, Account>();
  /** Those in use that are not known to be slow, oldest first. */
  private readonly young = new Set<Slot>();
  private used = 0;
  private usedByUnsteady = 0;
  private turns = 0;

  /**
   * @param perAccount what one account may hold at the most
   * @param fastMs an endpoint that answers within less is no burden: its slot is soon free for somebody else
   */
  constructor(
    private readonly total: number,
    private readonly perAccount: number,
    private readonly fastMs: number,
  ) {}

  get free(): number {
    return this.total - this.used;
  }

  /** How many each of these accounts may take now; those with fewest, then longest ago, come first to what is shared. */
  offer(atsIds: readonly string[], now: number): Map<string, number> {
    this.noticeSlow(now);
    const offers = new Map<string, number>();
    let shared = Math.min(this.free, Math.floor(this.total / 2) - this.usedByUnsteady);
    const known = atsIds.map((atsId) => ({ atsId, ...this.get(atsId) }));
    known.sort((a, b) => a.inFlight - b.inFlight || a.turn - b.turn);
    for (const { atsId, inFlight, limit, steady } of known) {
      const wanted = limit - inFlight;
      const granted = steady ? wanted : Math.min(wanted, shared);
      if (granted <= 0) continue;
      if (!steady) shared -= granted;
      offers.set(atsId, granted);
    }
    return offers;
  }

  take(atsId: string, now: number): Slot {
    const account = this.get(atsId);
    account.inFlight++;
    account.turn = ++this.turns;
    this.accounts.set(atsId, account);
    this.used++;
    if (!account.steady) this.usedByUnsteady++;
    const slot = { atsId, since: now };
    this.young.add(slot);
    return slot;
  }

  give(slot: Slot, succeeded: boolean, now: number): void {
    const account = this.get(slot.atsId);
    this.young.delete(slot);
    this.judge(account, succeeded && now - slot.since < this.fastMs);
    this.used--;
    if (!account.steady) this.usedByUnsteady--;
    account.inFlight--;
    account.limit = Math.min(succeeded ? account.limit * 2 : FIRST_LIMIT, this.perAccount);
    if (this.accounts.size > MAX_REMEMBERED) this.forget();
  }

  /** Endpoints that turn slow together would go on filling the other half until their first answers came. */
  private noticeSlow(now: number): void {
    for (const slot of this.young) {
      if (now - slot.since < this.fastMs) break;
      this.young.delete(slot);
      this.judge(this.get(slot.atsId), false);
    }
  }

  /** What is in flight changes sides with its account. */
  private judge(account: Account, steady: boolean): void {
    if (steady !== account.steady) this.usedByUnsteady += steady ? -account.inFlight : account.inFlight;
    account.steady = steady;
  }

  private get(atsId: string): Account {
    const limit = Math.min(FIRST_LIMIT, this.perAccount);
    return this.accounts.get(atsId) ?? { inFlight: 0, limit, turn: 0, steady: false };
  }

  /** Who holds nothing is met again as a stranger, which costs it a few slow starts. */
  private forget(): void {
    for (const [atsId, { inFlight }] of this.accounts) if (inFlight === 0) this.accounts.delete(atsId);
  }
}
