import { Module } from '@nestjs/common';
import { InboxModule } from '../inbox/inbox.module';
import { InternalEventsController } from './internal-events.controller';

@Module({ imports: [InboxModule], controllers: [InternalEventsController] })
export class InternalEventsModule {}
