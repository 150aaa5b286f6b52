import { Module } from '@nestjs/common';
import { InboxModule } from '../inbox/inbox.module';
import { CandidatesController } from './candidates.controller';
import { CandidateHandlers } from './candidates.handlers';
import { CandidatesRepository } from './candidates.repository';

@Module({
  providers: [CandidateHandlers, CandidatesRepository],
  exports: [CandidateHandlers, CandidatesRepository],
})
export class CandidatesModule {}

@Module({ imports: [CandidatesModule, InboxModule], controllers: [CandidatesController] })
export class CandidatesApiModule {}
