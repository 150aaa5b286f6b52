import { LATENCY_GROWTH } from './rollup.sql';

/** How many attempts fell into which class of latency. */
export type Latencies = ReadonlyMap<number, number>;

/**
 * The latency that this part of the attempts kept to, in milliseconds; null without any. It is the middle of the class, so
 * at most 10 % away from what their own durations would give.
 *
 * @param part 0.95 for the 95th percentile
 */
export function percentile(latencies: Latencies, part: number): number | null {
  const classes = [...latencies].sort(([a], [b]) => a - b);
  let left = part * classes.reduce((sum, [, attempts]) => sum + attempts, 0);
  for (const [latency, attempts] of classes) {
    left -= attempts;
    if (left <= 0) return Math.max(1, Math.round(LATENCY_GROWTH ** (latency - 0.5)));
  }
  return null;
}

export function merged(all: readonly Latencies[]): Latencies {
  const sum = new Map<number, number>();
  for (const latencies of all) {
    for (const [latency, attempts] of latencies) sum.set(latency, (sum.get(latency) ?? 0) + attempts);
  }
  return sum;
}
