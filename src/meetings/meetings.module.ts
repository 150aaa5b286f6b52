import { Module } from '@nestjs/common';
import { MeetingHandlers } from './meetings.handlers';

@Module({ providers: [MeetingHandlers], exports: [MeetingHandlers] })
export class MeetingsModule {}
