import { Module } from '@nestjs/common';
import { EventTypesController } from './event-types.controller';
import { EventTypes } from './event-types.service';

@Module({ controllers: [EventTypesController], providers: [EventTypes], exports: [EventTypes] })
export class EventTypesModule {}
