import { Module } from '@nestjs/common';
import { EntitiesModule } from '../entities/entities.module';
import { VacanciesController } from './vacancies.controller';
import { VacancyHandlers } from './vacancies.handlers';

@Module({ imports: [EntitiesModule], providers: [VacancyHandlers], exports: [VacancyHandlers] })
export class VacanciesModule {}

@Module({ imports: [EntitiesModule], controllers: [VacanciesController] })
export class VacanciesApiModule {}
