import { Module } from '@nestjs/common';
import { EventTypesController } from './event-types.controller';
import { EventFaults } from './event-faults.service';
import { EventTypes } from './event-types.service';

@Module({
  controllers: [EventTypesController],
  providers: [EventTypes, EventFaults],
  exports: [EventTypes, EventFaults],
})
export class EventTypesModule {}
