import { Module } from '@nestjs/common';
import { AccountsModule } from '../accounts/accounts.module';
import { DeliveryLogModule } from '../delivery-log/delivery-log.module';
import { OutboxModule } from '../outbox/outbox.module';
import { QueueModule } from '../queue/queue.module';
import { Attempts } from './attempts.service';
import { DeliveryWorker } from './delivery.worker';
import { FlowsController } from './flows.controller';
import { Sender } from './sender';

@Module({ imports: [AccountsModule, OutboxModule, QueueModule], providers: [Attempts, DeliveryWorker, Sender] })
export class DeliveryModule {}

@Module({ imports: [DeliveryLogModule, OutboxModule], controllers: [FlowsController] })
export class FlowsApiModule {}
