import { LATENCY_GROWTH } from './rollup.sql';

/** How many attempts fell into each class of latency, as the rollup has them. */
export type Latencies = readonly number[];

/**
 * The latency that this part of the attempts kept to, in milliseconds; null without any. It is the middle of the class, so
 * at most 10 % away from what their own durations would give.
 *
 * @param part 0.95 for the 95th percentile
 */
export function percentile(latencies: Latencies, part: number): number | null {
  const all = latencies.reduce((sum, attempts) => sum + attempts, 0);
  if (all === 0) return null;
  let left = part * all;
  const latency = latencies.findIndex((attempts) => (left -= attempts) <= 0 && attempts > 0);
  return Math.max(1, Math.round(LATENCY_GROWTH ** (latency - 0.5)));
}

export function merged(all: readonly Latencies[]): Latencies {
  const [first = [], ...others] = all;
  return others.reduce((sum, latencies) => sum.map((attempts, n) => attempts + (latencies[n] ?? 0)), first);
}
