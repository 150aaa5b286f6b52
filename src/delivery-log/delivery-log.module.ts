import { Module } from '@nestjs/common';
import { DeliveryLog } from './delivery-log.service';
import { FlowTraces } from './flow-trace.service';

@Module({ providers: [DeliveryLog, FlowTraces], exports: [DeliveryLog, FlowTraces] })
export class DeliveryLogModule {}
