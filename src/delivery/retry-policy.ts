import type { Outcome } from './outcome';

/** What follows from an attempt for its message. `waitMs` counts from the attempt's end. */
export type Decision =
  | { readonly verdict: 'delivered' }
  | {
      readonly verdict: 'retry';
      readonly waitMs: number;
      /** False when the attempt uses up none of the schedule. */
      readonly counted: boolean;
    }
  | { readonly verdict: 'dead' };

/** What it tells of the endpoint. */
export interface EndpointNews {
  /** It answered as something that works does, whatever it thinks of the message. */
  readonly up: boolean;
  /** It asked to be left alone for so long; 0: it did not. */
  readonly retryAfterMs: number;
  readonly gone: boolean;
}

/** Statuses that a later attempt may well change, as every 5xx; 3xx are not followed and count with them. */
const TRANSIENT_4XX: ReadonlySet<number> = new Set([408, 425, 429]);
/** Answers of an endpoint that is not there, or not in order: they count for the breaker, as do 3xx and 5xx. */
const DOWN_4XX: ReadonlySet<number> = new Set([401, 403, 404, 405, 408, 425, 429]);
const GONE = 410;
/** Statuses whose Retry-After counts. */
const RESTING: ReadonlySet<number> = new Set([429, 503]);
/** Another 4xx is a judgement on the request: it is repeated only as long as a deployment might take to mend it. */
const WAITS_AFTER_REFUSAL = 4;
const JITTER = 0.2;
const LONGEST_REST_MS = 86_400_000;

export interface Attempted {
  readonly outcome: Outcome;
  /** Judged failures before this attempt. */
  readonly failures: number;
  /** The breaker's probe. */
  readonly probe: boolean;
}

/**
 * The table of contract section 8, for the message.
 *
 * @param schedule seconds before the second, third, … attempt
 * @param random from 0 (inclusive) to 1, for the jitter of ±20 %
 */
export function decide({ outcome, failures, probe }: Attempted, schedule: readonly number[], random: number): Decision {
  const status = outcome.kind === 'answer' ? outcome.statusCode : null;
  if (status !== null && status >= 200 && status < 300) return { verdict: 'delivered' };
  // The endpoint's state keeps the message waiting, so its own schedule need not.
  if (status === GONE || (probe && !news(outcome, 0).up)) return { verdict: 'retry', waitMs: 0, counted: false };
  const refused = status !== null && status >= 400 && status < 500 && !TRANSIENT_4XX.has(status);
  const waits = refused ? schedule.slice(0, WAITS_AFTER_REFUSAL) : schedule;
  const seconds = waits[failures];
  if (seconds === undefined) return { verdict: 'dead' };
  return { verdict: 'retry', waitMs: Math.round(seconds * 1000 * (1 - JITTER + 2 * JITTER * random)), counted: true };
}

/** @param now milliseconds since 1970, against which a Retry-After that is a date is read */
export function news(outcome: Outcome, now: number): EndpointNews {
  if (outcome.kind === 'no_answer') return { up: false, retryAfterMs: 0, gone: false };
  const { statusCode: status, headers } = outcome;
  const down = (status >= 300 && status < 400) || status >= 500 || DOWN_4XX.has(status);
  const retryAfterMs = RESTING.has(status) ? readRetryAfter(headers['retry-after'], now) : 0;
  return { up: !down, retryAfterMs, gone: status === GONE };
}

/** Both forms of RFC 9110: seconds, or a date. Nonsense and the past are 0; a day is the most. */
export function readRetryAfter(header: string | undefined, now: number): number {
  const text = header?.trim() ?? '';
  const ms = /^\d{1,15}$/.test(text) ? Number(text) * 1000 : HTTP_DATE.test(text) ? Date.parse(text) - now : 0;
  return Number.isNaN(ms) ? 0 : Math.min(Math.max(0, Math.round(ms)), LONGEST_REST_MS);
}

/** Its preferred form; `Date.parse` alone would take nearly anything for a date. */
const HTTP_DATE = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;
