import { Module } from '@nestjs/common';
import { DeliveryLog } from './delivery-log.service';
import { FlowSearch } from './flow-search.service';
import { FlowTraces } from './flow-trace.service';

@Module({ providers: [DeliveryLog, FlowTraces, FlowSearch], exports: [DeliveryLog, FlowTraces, FlowSearch] })
export class DeliveryLogModule {}
