/** Made once: a chart of a week asks for hundreds. */
const NUMBERS = new Intl.NumberFormat('en-US');
const DAYS = new Intl.DateTimeFormat('en-GB', { weekday: 'short', day: 'numeric', month: 'short', timeZone: 'UTC' });
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** `1,234`. */
export function number(value: number): string {
  return NUMBERS.format(value);
}

/** `3 results`, `1 result`, and beyond what is counted `more than 1,000 results`. */
export function results(count: number, counted: number): string {
  if (count > counted) return `more than ${number(counted)} results`;
  return count === 1 ? '1 result' : `${number(count)} results`;
}

/** How long something lasts, as exactly as one cares to know. */
export function lasting(ms: number): string {
  if (ms < MINUTE_MS) return 'less than a minute';
  if (ms < HOUR_MS) return `${Math.floor(ms / MINUTE_MS)} min`;
  if (ms < DAY_MS) return `${Math.floor(ms / HOUR_MS)} h ${Math.floor((ms % HOUR_MS) / MINUTE_MS)} min`;
  const days = Math.floor(ms / DAY_MS);
  return `${days} ${days === 1 ? 'day' : 'days'} ${Math.floor((ms % DAY_MS) / HOUR_MS)} h`;
}

/** `43 ms`, `1.3 s`. */
export function latency(ms: number | null): string {
  if (ms === null) return '–';
  return ms < 1000 ? `${ms} ms` : `${Number((ms / 1000).toFixed(1))} s`;
}

/** `14:00`, of a time in UTC. */
export function hour(at: number): string {
  return new Date(at).toISOString().slice(11, 16);
}

/** `Mon 23 Nov`, of a time in UTC. */
export function day(at: number): string {
  return DAYS.format(at).replace(',', '');
}
