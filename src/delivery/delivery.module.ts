import { Module } from '@nestjs/common';
import { AccountsModule } from '../accounts/accounts.module';
import { DeliveryLogModule } from '../delivery-log/delivery-log.module';
import { OutboxModule } from '../outbox/outbox.module';
import { QueueModule } from '../queue/queue.module';
import { Attempts } from './attempts.service';
import { DeliveryWorker } from './delivery.worker';
import { FlowsController } from './flows.controller';
import { RedeliveryWorker } from './redelivery.worker';
import { Sender } from './sender';

/** What signs and posts, for whoever has something to send besides the outbox. */
@Module({ imports: [AccountsModule], providers: [Sender], exports: [Sender] })
export class SenderModule {}

@Module({
  imports: [AccountsModule, OutboxModule, QueueModule, SenderModule],
  providers: [Attempts, DeliveryWorker, RedeliveryWorker],
})
export class DeliveryModule {}

@Module({ imports: [DeliveryLogModule, OutboxModule], controllers: [FlowsController] })
export class FlowsApiModule {}
