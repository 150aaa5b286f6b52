import { BASELINE, baselineScore } from './baseline';
import type { ScoringOutcome, ScoringRequest, ScoringService } from './scoring.service';

/** Judges here and now; a few milliseconds for an ordinary CV. */
export class BaselineScorer implements ScoringService {
  readonly name = BASELINE;

  score({ material }: ScoringRequest): Promise<ScoringOutcome> {
    return Promise.resolve({ kind: 'scored', ...baselineScore(material) });
  }
}
