import { Module } from '@nestjs/common';
import { DeliveryLogModule } from '../delivery-log/delivery-log.module';
import { InboxModule } from '../inbox/inbox.module';
import { IncomingWebhooksController } from './incoming-webhooks.controller';

@Module({ imports: [InboxModule, DeliveryLogModule], controllers: [IncomingWebhooksController] })
export class IncomingWebhooksModule {}
