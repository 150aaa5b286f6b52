import { Module } from '@nestjs/common';
import { QueueModule } from '../queue/queue.module';
import { IdempotencyExpiry } from './idempotency-expiry.service';
import { InboxQueue } from './inbox-queue.service';
import { Inbox } from './inbox.service';
import { RestWrites } from './rest-writes.service';

@Module({
  imports: [QueueModule],
  providers: [Inbox, InboxQueue, RestWrites, IdempotencyExpiry],
  exports: [Inbox, InboxQueue, RestWrites],
})
export class InboxModule {}
