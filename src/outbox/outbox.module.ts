import { Module } from '@nestjs/common';
import { AccountsModule } from '../accounts/accounts.module';
import { QueueModule } from '../queue/queue.module';
import { BulkRedeliveries } from './bulk-redeliveries.service';
import { OutboxOperations } from './outbox-operations.service';
import { OutboxWaiting } from './outbox-waiting.service';
import { Outbox } from './outbox.service';

@Module({
  imports: [AccountsModule, QueueModule],
  providers: [Outbox, OutboxOperations, BulkRedeliveries, OutboxWaiting],
  exports: [Outbox, OutboxOperations, BulkRedeliveries, OutboxWaiting],
})
export class OutboxModule {}
