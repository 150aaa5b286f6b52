import type { Material, Score } from './baseline';

/** One application to be scored. */
export interface ScoringRequest {
  readonly referenceId: string;
  readonly atsId: string;
  readonly clientId: string;
  /** Proves, once, that an answer that comes later answers this request. */
  readonly callbackToken: string;
  /** Until nothing more is awaited. */
  readonly remainingMs: number;
  readonly material: Material;
}

/** What came of asking; remote trouble is a value. `later`: the answer comes by a callback. */
export type ScoringOutcome =
  | ({ readonly kind: 'scored' } & Score)
  | { readonly kind: 'later' }
  /** In words that a recruiter may read behind "there is no score: ". */
  | { readonly kind: 'failed'; readonly fault: string };

/** Whoever makes scores: the external scorer of the settings, or else the baseline. */
export abstract class ScoringService {
  /** The `scored_by` of its scores. */
  abstract readonly name: string;

  /** @param signal gives up: the request is made again by whoever claims the task next */
  abstract score(request: ScoringRequest, signal: AbortSignal): Promise<ScoringOutcome>;
}
