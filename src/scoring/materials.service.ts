import { Injectable } from '@nestjs/common';
import { Database } from '../database/database';
import { Entities } from '../entities/entities.repository';
import type { EntityName } from '../entities/entity';
import type { CvText, Material } from './baseline';
import type { ApplicationData, ScoringTask } from './scoring-tasks.service';

/** Gathers what a score is made of, as it is at the moment. */
@Injectable()
export class Materials {
  constructor(
    private readonly database: Database,
    private readonly entities: Entities,
  ) {}

  /** Text: why there can be no score any more. */
  async gather(task: ScoringTask, signal: AbortSignal): Promise<Material | string> {
    const { application } = task;
    const candidate = await this.load(task, 'candidate', application.candidate_id);
    if (candidate === undefined) return 'The candidate was deleted before the application was scored';
    const vacancy = await this.load(task, 'vacancy', application.vacancy_id);
    if (vacancy === undefined) return 'The vacancy was deleted before the application was scored';
    const cv = await this.cv(task, application.cv ?? (candidate as Pick<ApplicationData, 'cv'>).cv, signal);
    return { application, candidate, vacancy: vacancy as Material['vacancy'], cv };
  }

  private async load(
    { atsId, clientId }: ScoringTask,
    name: EntityName,
    entityId: string,
  ): Promise<object | undefined> {
    const [found] = await this.entities.load(this.database, name, [{ atsId, clientId, entityId }]);
    return found?.data;
  }

  private cv(_task: ScoringTask, file: ApplicationData['cv'], _signal: AbortSignal): Promise<CvText | null> {
    return Promise.resolve(file === undefined ? null : { fault: 'the file is no longer there' });
  }
}
