import { Module } from '@nestjs/common';
import { EventFeed } from './event-feed.service';
import { EventsController } from './events.controller';

@Module({ providers: [EventFeed], controllers: [EventsController] })
export class FeedApiModule {}
