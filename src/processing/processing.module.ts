import { Module } from '@nestjs/common';
import { ApplicationsModule } from '../applications/applications.module';
import { CandidatesModule } from '../candidates/candidates.module';
import { InboxModule } from '../inbox/inbox.module';
import { MeetingsModule } from '../meetings/meetings.module';
import { OutboxModule } from '../outbox/outbox.module';
import { QueueModule } from '../queue/queue.module';
import { NamedFilesModule } from '../uploads/uploads.module';
import { VacanciesModule } from '../vacancies/vacancies.module';
import { WorkspacesModule } from '../workspaces/workspaces.module';
import { Handlers } from './handlers';
import { ProcessingWorker } from './processing.worker';

@Module({
  imports: [
    CandidatesModule,
    VacanciesModule,
    ApplicationsModule,
    WorkspacesModule,
    MeetingsModule,
    InboxModule,
    OutboxModule,
    QueueModule,
    NamedFilesModule,
  ],
  providers: [Handlers, ProcessingWorker],
})
export class ProcessingModule {}
