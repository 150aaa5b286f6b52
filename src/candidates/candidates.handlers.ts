import { Injectable } from '@nestjs/common';
import { EntityWrites } from '../entities/entity-writes.service';
import type { Handler } from '../inbox/handler';
import type { CandidateDto } from './candidate.dto';
import { normaliseCandidate } from './normalise';

@Injectable()
export class CandidateHandlers {
  constructor(private readonly writes: EntityWrites) {}

  /** Applies all three candidate events. */
  readonly apply: Handler = (tx, writes) =>
    this.writes.apply<CandidateDto>(tx, writes, { name: 'candidate', normalise: normaliseCandidate });
}
