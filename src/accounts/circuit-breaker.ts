/** What one attempt tells of the endpoint. A failed `probe` is the breaker's own affair, not its message's. */
export interface Signal {
  readonly up: boolean;
  readonly probe: boolean;
}

/** Shared by all replicas; `pauseMs` is 0 while the breaker is closed. */
export interface Breaker {
  readonly failuresInRow: number;
  readonly pauseMs: number;
}

const FAILURES_TO_OPEN = 20;
const FIRST_PAUSE_MS = 30_000;
const LONGEST_PAUSE_MS = 600_000;

/**
 * The breaker after one more attempt, and for how long it opens with it (0: it does not).
 *
 * Once it is open only its probes lengthen the pause: the attempts that were under way when it opened fail as well,
 * and say nothing new.
 */
export function transition(breaker: Breaker, { up, probe }: Signal): { breaker: Breaker; opensForMs: number } {
  if (up) return { breaker: { failuresInRow: 0, pauseMs: 0 }, opensForMs: 0 };
  const failuresInRow = breaker.failuresInRow + 1;
  const open = breaker.pauseMs > 0;
  if (open ? !probe : failuresInRow < FAILURES_TO_OPEN) {
    return { breaker: { failuresInRow, pauseMs: breaker.pauseMs }, opensForMs: 0 };
  }
  const pauseMs = open ? Math.min(breaker.pauseMs * 2, LONGEST_PAUSE_MS) : FIRST_PAUSE_MS;
  return { breaker: { failuresInRow, pauseMs }, opensForMs: pauseMs };
}
