import type { HourOfDeliveries, Outcome } from '../../delivery-log/delivery-figures.service';
import { merged, percentile, type Latencies } from '../../delivery-log/latency';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const NONE: Readonly<Record<Outcome, number>> = { success: 0, failure: 0, error: 0 };

export type Range = '24h' | '7d';

/** One stretch of time in a chart or table, with what was delivered in it. */
export interface Slot {
  readonly at: number;
  readonly attempts: Readonly<Record<Outcome, number>>;
  /** Milliseconds; null where nothing was answered. */
  readonly p50: number | null;
  readonly p95: number | null;
}

export function rangeOf(asked: unknown): Range {
  return asked === '7d' ? '7d' : '24h';
}

/** Midnight, six days ago: where the seven days begin whose last is today. */
export function weekBefore(now: number): number {
  return Math.floor(now / DAY_MS) * DAY_MS - 6 * DAY_MS;
}

/** An hour each, empty ones too: the last 24, the present one among them, or all of seven days, today's last. */
export function hourly(hours: readonly HourOfDeliveries[], range: Range, now: number): Slot[] {
  const from = range === '7d' ? weekBefore(now) : Math.floor(now / HOUR_MS) * HOUR_MS - 23 * HOUR_MS;
  const byHour = new Map(hours.map((hour) => [hour.at, hour]));
  return Array.from({ length: range === '7d' ? 168 : 24 }, (_, n) => {
    const at = from + n * HOUR_MS;
    const hour = byHour.get(at);
    return slotOf(at, hour === undefined ? [] : [hour]);
  });
}

/** A day each, as `hourly` has them. */
export function daily(hours: readonly HourOfDeliveries[], now: number): Slot[] {
  return Array.from({ length: 7 }, (_, n) => {
    const at = weekBefore(now) + n * DAY_MS;
    return slotOf(
      at,
      hours.filter((hour) => hour.at >= at && hour.at < at + DAY_MS),
    );
  });
}

/** All of a range in one. */
export function total(hours: readonly HourOfDeliveries[], from: number): Slot {
  return slotOf(
    from,
    hours.filter(({ at }) => at >= from),
  );
}

export function sum({ attempts }: Pick<Slot, 'attempts'>): number {
  return attempts.success + attempts.failure + attempts.error;
}

function slotOf(at: number, hours: readonly HourOfDeliveries[]): Slot {
  const attempts = hours.reduce(
    (all, { attempts: { success, failure, error } }) => ({
      success: all.success + success,
      failure: all.failure + failure,
      error: all.error + error,
    }),
    NONE,
  );
  const latencies: Latencies = merged(hours.map((hour) => hour.latencies));
  return { at, attempts, p50: percentile(latencies, 0.5), p95: percentile(latencies, 0.95) };
}
