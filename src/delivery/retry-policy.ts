import type { Outcome } from './outcome';

/** What follows from an attempt. `waitMs` counts from its end. */
export type Decision =
  | { readonly verdict: 'delivered' }
  | { readonly verdict: 'retry'; readonly waitMs: number }
  | { readonly verdict: 'dead' };

/** Statuses that a later attempt may well change, as every 5xx; 3xx are not followed and count with them. */
const TRANSIENT_4XX: ReadonlySet<number> = new Set([408, 425, 429]);
/** Another 4xx is a judgement on the request: it is repeated only as long as a deployment might take to mend it. */
const WAITS_AFTER_REFUSAL = 4;
const JITTER = 0.2;

/**
 * The table of contract section 8.
 *
 * @param failures judged failures before this attempt
 * @param schedule seconds before the second, third, … attempt
 * @param random from 0 (inclusive) to 1, for the jitter of ±20 %
 */
export function decide(outcome: Outcome, failures: number, schedule: readonly number[], random: number): Decision {
  const status = outcome.kind === 'answer' ? outcome.statusCode : null;
  if (status !== null && status >= 200 && status < 300) return { verdict: 'delivered' };
  const refused = status !== null && status >= 400 && status < 500 && !TRANSIENT_4XX.has(status);
  const waits = refused ? schedule.slice(0, WAITS_AFTER_REFUSAL) : schedule;
  const seconds = waits[failures];
  if (seconds === undefined) return { verdict: 'dead' };
  return { verdict: 'retry', waitMs: Math.round(seconds * 1000 * (1 - JITTER + 2 * JITTER * random)) };
}
