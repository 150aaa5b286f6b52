import { Module } from '@nestjs/common';
import { AccountsModule } from '../accounts/accounts.module';
import { QueueModule } from '../queue/queue.module';
import { BulkRedeliveries } from './bulk-redeliveries.service';
import { OutboxOperations } from './outbox-operations.service';
import { Outbox } from './outbox.service';

@Module({
  imports: [AccountsModule, QueueModule],
  providers: [Outbox, OutboxOperations, BulkRedeliveries],
  exports: [Outbox, OutboxOperations, BulkRedeliveries],
})
export class OutboxModule {}
