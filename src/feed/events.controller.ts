import { Controller, Get, Query, Res } from '@nestjs/common';
import type { Response } from 'express';
import type { Caller } from '../accounts/credential';
import { Auth, CallerOf } from '../auth/caller';
import { DomainError, invalid } from '../errors';
import { encodeCursor, readFeedQuery, UNKNOWN_CURSOR } from './cursor';
import { EventFeed } from './event-feed.service';

/** Catching up: what an account's webhooks carried, to be read at the account's own pace. */
@Auth('api-key')
@Controller('v1/events')
export class EventsController {
  constructor(private readonly feed: EventFeed) {}

  @Get()
  async read(
    @CallerOf() caller: Caller,
    @Query() query: Record<string, unknown>,
    @Res({ passthrough: true }) response: Response,
  ): Promise<string> {
    const { atsId } = caller;
    const { after, limit } = readFeedQuery(query, atsId);
    const { floor, last, events } = await this.feed.read(caller, after, limit);
    const from = after ?? floor;
    if (from < floor) throw expired(encodeCursor(atsId, floor));
    if (from > last) throw invalid([UNKNOWN_CURSOR]);
    const reached = events.at(-1)?.position ?? from;
    const next = JSON.stringify(encodeCursor(atsId, reached));
    response.type('application/json');
    // The bodies as they are stored: parsing and writing them anew might change them.
    return `{"data":[${events.map((e) => e.body).join(',')}],"next_cursor":${next},"has_more":${reached < last}}`;
  }
}

function expired(oldestCursor: string): DomainError {
  const detail = 'Events behind this cursor are no longer kept; oldest_cursor goes on with the oldest that are';
  return new DomainError('gone', detail, [], undefined, { oldest_cursor: oldestCursor });
}
