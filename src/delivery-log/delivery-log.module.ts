import { Module } from '@nestjs/common';
import { DeliveryFigures } from './delivery-figures.service';
import { DeliveryLog } from './delivery-log.service';
import { DeliveryRoller } from './delivery-roller.service';
import { FlowSearch } from './flow-search.service';
import { FlowTraces } from './flow-trace.service';

const READERS = [DeliveryLog, FlowTraces, FlowSearch, DeliveryFigures];

@Module({ providers: READERS, exports: READERS })
export class DeliveryLogModule {}

/** Only on workers: what an account's figures are read from. */
@Module({ providers: [DeliveryRoller] })
export class DeliveryRollerModule {}
