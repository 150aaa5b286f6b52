import { Module } from '@nestjs/common';
import { WakeUp } from './wake-up.service';

@Module({ providers: [WakeUp], exports: [WakeUp] })
export class QueueModule {}
