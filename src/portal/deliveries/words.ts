import { STATUS_CODES } from 'node:http';
import { plainWords } from '../endpoint/plain-words';
import type { Tone } from '../page/elements';
import type { Attempt } from './attempts.service';
import type { AttemptOutcome, Direction } from './filter';

export const DIRECTION_WORDS: Readonly<Record<Direction, string>> = {
  outgoing: 'Outgoing',
  incoming: 'Incoming',
};

/** As the filter offers them, for both directions. */
export const OUTCOME_WORDS: Readonly<Record<AttemptOutcome, string>> = {
  success: 'Success',
  failure: 'Refused',
  error: 'No answer',
};

export const OUTCOME_TONES: Readonly<Record<AttemptOutcome, Tone>> = {
  success: 'success',
  failure: 'danger',
  error: 'warning',
};

/** What came of an attempt, for whoever has to mend it: what their endpoint answered, or what we answered them. */
export function whatHappened({ direction, statusCode, error }: Pick<Attempt, 'direction' | 'statusCode' | 'error'>) {
  if (direction === 'outgoing') return plainWords(statusCode, error);
  const answered = `We answered ${statusCode ?? 'nothing'} ${STATUS_CODES[statusCode ?? 0] ?? ''}`.trim();
  return error === null ? `${answered}.` : `${answered}: ${error}`;
}

/** In the unit that reads best. */
export function inWords(durationMs: number): string {
  return durationMs < 1000 ? `${durationMs} ms` : `${(durationMs / 1000).toFixed(1)} s`;
}
