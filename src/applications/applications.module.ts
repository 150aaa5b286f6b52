import { Module } from '@nestjs/common';
import { EntitiesModule } from '../entities/entities.module';
import { ScoringTasksModule } from '../scoring/scoring.module';
import { ApplicationsController } from './applications.controller';
import { ApplicationHandlers } from './applications.handlers';

@Module({
  imports: [EntitiesModule, ScoringTasksModule],
  providers: [ApplicationHandlers],
  exports: [ApplicationHandlers],
})
export class ApplicationsModule {}

@Module({ imports: [EntitiesModule], controllers: [ApplicationsController] })
export class ApplicationsApiModule {}
