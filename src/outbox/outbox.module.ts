import { Module } from '@nestjs/common';
import { QueueModule } from '../queue/queue.module';
import { OutboxOperations } from './outbox-operations.service';
import { Outbox } from './outbox.service';

@Module({ imports: [QueueModule], providers: [Outbox, OutboxOperations], exports: [Outbox, OutboxOperations] })
export class OutboxModule {}
