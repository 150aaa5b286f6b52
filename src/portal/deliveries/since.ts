const HOUR_MS = 3_600_000;

/** The times since which things may have died, as people think of them. */
const AGES = {
  hour: HOUR_MS,
  day: 24 * HOUR_MS,
  week: 7 * 24 * HOUR_MS,
} as const;

const LOCAL = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?$/;
const ISO = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/;
/** Before anything was ever given up. */
const EVER = new Date(0);

/** What the form asks for: a time of its own, in UTC, or one of the ages. Null for neither. */
export function readSince(age: unknown, from: unknown, now: number): Date | null {
  if (typeof from === 'string' && from !== '') return LOCAL.test(from) ? readTime(`${from}Z`) : null;
  if (age === 'all') return EVER;
  return age === 'hour' || age === 'day' || age === 'week' ? new Date(Math.floor(now) - AGES[age]) : null;
}

/** What the confirmation says. */
export function readIso(text: string | null): Date | null {
  return text !== null && ISO.test(text) ? readTime(text) : null;
}

export function isEver(since: Date): boolean {
  return since.getTime() <= EVER.getTime();
}

/** Null for a day that no calendar has, which a Date would move. */
function readTime(text: string): Date | null {
  const time = new Date(text);
  return !Number.isNaN(time.getTime()) && time.toISOString().startsWith(text.slice(0, 16)) ? time : null;
}
