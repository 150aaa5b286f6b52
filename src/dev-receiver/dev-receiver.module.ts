import { Module } from '@nestjs/common';
import { DevReceiverController } from './dev-receiver.controller';
import { Receipts } from './receipts.service';

@Module({ providers: [Receipts], exports: [Receipts] })
export class ReceiptsModule {}

/** Only in development. */
@Module({ imports: [ReceiptsModule], controllers: [DevReceiverController] })
export class DevReceiverModule {}
