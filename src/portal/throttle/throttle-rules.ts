/** How often something was tried; times are milliseconds. */
export interface Tries {
  readonly count: number;
  /** When the first of them was. */
  readonly since: number;
  readonly blockedTill: number;
}

export interface Rule {
  /** So many tries are free. */
  readonly free: number;
  /** After so long it begins anew. */
  readonly windowMs: number;
  /** The wait after the last free try, doubling with each further one; without it, the rest of the window. */
  readonly firstDelayMs?: number;
}

const LONGEST_DELAY_MS = 900_000;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** One address guessing at one e-mail. A wait that doubles stops guessing, and hurts nobody who mistypes. */
export const PAIR: Rule = { free: 5, windowMs: 6 * HOUR, firstDelayMs: 2000 };

/** The same when an e-mail is tried from many places: each has one try, so a good password still gets in at once. */
export const PAIR_OF_CROWDED: Rule = { ...PAIR, free: 1 };

/** One address, whatever it tries. */
export const ADDRESS: Rule = { free: 30, windowMs: 10 * MINUTE };

/** Above this an e-mail is crowded. It never blocks by itself: that would be a way to lock somebody out. */
export const CROWD: Rule = { free: 100, windowMs: HOUR };

/** Mails with links to one e-mail, and from one address. */
export const LINK_MAILS: Rule = { free: 3, windowMs: HOUR };
export const LINK_MAILS_ASKED: Rule = { free: 20, windowMs: HOUR };

/** Pings to one account's endpoint. */
export const PINGS: Rule = { free: 10, windowMs: MINUTE };

/** Events that people of one account send to its endpoint to try it out. */
export const TESTS: Rule = { free: 30, windowMs: 10 * MINUTE };

/** Whether one more try may be made now, and how things stand after it. A refused try changes nothing. */
export function judge(tries: Tries | null, rule: Rule, now: number): { waitMs: number; tries: Tries } {
  const current =
    tries !== null && now - tries.since < rule.windowMs ? tries : { count: 0, since: now, blockedTill: 0 };
  if (current.blockedTill > now) return { waitMs: current.blockedTill - now, tries: current };
  const count = current.count + 1;
  const beyond = count - rule.free;
  const blockedTill = beyond < 0 ? 0 : now + delayOf(rule, beyond, current.since, now);
  return { waitMs: 0, tries: { count, since: current.since, blockedTill } };
}

function delayOf({ firstDelayMs, windowMs }: Rule, beyond: number, since: number, now: number): number {
  if (firstDelayMs === undefined) return since + windowMs - now;
  return Math.min(firstDelayMs * 2 ** beyond, LONGEST_DELAY_MS);
}
