import { Controller, HttpCode, Param, Post } from '@nestjs/common';
import { Auth } from '../auth/caller';
import { DomainError } from '../errors';
import { readUuid } from '../events/uuid';
import { Undocumented } from '../http/documented';
import { JsonBody } from '../http/json-body';
import { WakeUp } from '../queue/wake-up.service';
import { ScoreCallback } from './score.dto';
import { ScoringTasks } from './scoring-tasks.service';

/** Where an external scorer that answered 202 sends its score. */
@Undocumented('for the external scorer alone')
@Auth('scorer-signature')
@Controller('internal/v1/scores')
export class ScoresController {
  constructor(
    private readonly tasks: ScoringTasks,
    private readonly wakeUp: WakeUp,
  ) {}

  @Post(':reference_id')
  @HttpCode(204)
  async receive(
    @Param('reference_id') asked: string,
    @JsonBody(ScoreCallback) { token, score, reasons }: ScoreCallback,
  ): Promise<void> {
    const referenceId = readUuid(asked);
    if (referenceId === null) throw new DomainError('not_found', 'There is no such flow');
    await this.tasks.answer(referenceId, token, { score, reasons });
    this.wakeUp.hint('scoring');
  }
}
