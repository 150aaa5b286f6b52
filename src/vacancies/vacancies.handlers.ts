import { Injectable } from '@nestjs/common';
import { EntityWrites } from '../entities/entity-writes.service';
import type { Handler } from '../inbox/handler';
import { normaliseVacancy } from './normalise';
import type { VacancyDto } from './vacancy.dto';

@Injectable()
export class VacancyHandlers {
  constructor(private readonly writes: EntityWrites) {}

  /** Applies all three vacancy events. */
  readonly apply: Handler = (tx, writes) =>
    this.writes.apply<VacancyDto>(tx, writes, { name: 'vacancy', normalise: normaliseVacancy });
}
