import { Module } from '@nestjs/common';
import { Env } from '../config/env';
import { Clock } from '../database/clock';
import { EntitiesModule } from '../entities/entities.module';
import { OutboxModule } from '../outbox/outbox.module';
import { QueueModule } from '../queue/queue.module';
import { FileStorageModule } from '../uploads/uploads.module';
import { BaselineScorer } from './baseline-scorer';
import { CvReader } from './cv-reader.service';
import { HttpScorer } from './http-scorer';
import { Materials } from './materials.service';
import { ScoresController } from './scores.controller';
import { ScoringService } from './scoring.service';
import { ScoringTasks } from './scoring-tasks.service';
import { ScoringWorker } from './scoring.worker';

@Module({ imports: [OutboxModule], providers: [ScoringTasks], exports: [ScoringTasks] })
export class ScoringTasksModule {}

@Module({
  imports: [ScoringTasksModule, EntitiesModule, FileStorageModule, QueueModule],
  providers: [
    ScoringWorker,
    Materials,
    CvReader,
    {
      provide: ScoringService,
      inject: [Env, Clock],
      useFactory: ({ SCORER_URL: url, SCORER_SECRET: secret, PUBLIC_URL: publicUrl }: Env, clock: Clock) =>
        url === undefined || secret === undefined
          ? new BaselineScorer()
          : new HttpScorer({ url, secret, publicUrl }, clock),
    },
  ],
})
export class ScoringModule {}

@Module({ imports: [ScoringTasksModule, QueueModule], controllers: [ScoresController] })
export class ScoresApiModule {}
