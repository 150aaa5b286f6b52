import { Inject, Injectable } from '@nestjs/common';
import { Database, statement } from '../database/database';
import { Entities } from '../entities/entities.repository';
import type { EntityName } from '../entities/entity';
import { FILE_STORAGE, type FileStorage } from '../uploads/file-storage';
import type { CvText, Material } from './baseline';
import { CvReader } from './cv-reader.service';
import type { ApplicationData, ScoringTask } from './scoring-tasks.service';

const FILE = statement(
  'scoring_file',
  `select carv_file_id, content_type from upload
    where carv_file_id = $1::uuid and ats_id = $2 and client_id = $3 and state = 'stored'`,
);

const GONE: CvText = { fault: 'the file is no longer there' };

/** Gathers what a score is made of, as it is at the moment. */
@Injectable()
export class Materials {
  constructor(
    private readonly database: Database,
    private readonly entities: Entities,
    private readonly reader: CvReader,
    @Inject(FILE_STORAGE) private readonly files: FileStorage,
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

  private async cv(
    { atsId, clientId }: ScoringTask,
    file: ApplicationData['cv'],
    signal: AbortSignal,
  ): Promise<CvText | null> {
    if (file === undefined) return null;
    const values = [file.carv_file_id, atsId, clientId];
    const [found] = await this.database.query<{ carv_file_id: string; content_type: string }>(FILE, values);
    if (found === undefined) return GONE;
    // It may go between the look and the reading, with the entity that had it.
    return (await this.reader.read(found.content_type, () => this.files.get(found.carv_file_id), signal)) ?? GONE;
  }
}
