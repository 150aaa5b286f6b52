import { Module } from '@nestjs/common';
import { EntitiesModule } from '../entities/entities.module';
import { CandidatesController } from './candidates.controller';
import { CandidateHandlers } from './candidates.handlers';

@Module({ imports: [EntitiesModule], providers: [CandidateHandlers], exports: [CandidateHandlers] })
export class CandidatesModule {}

@Module({ imports: [EntitiesModule], controllers: [CandidatesController] })
export class CandidatesApiModule {}
