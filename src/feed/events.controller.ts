import { Controller, Get, Query, Res } from '@nestjs/common';
import type { Response } from 'express';
import type { Caller } from '../accounts/credential';
import { Auth, CallerOf } from '../auth/caller';
import { DomainError, invalid } from '../errors';
import { Documented, PAGE } from '../http/documented';
import { refTo } from '../http/json-schema';
import { encodeCursor, readFeedQuery, UNKNOWN_CURSOR } from './cursor';
import { EventFeed } from './event-feed.service';

const CURSOR = encodeCursor('your-ats-id', 1042);

/** Catching up: what an account's webhooks carried, to be read at the account's own pace. */
@Auth('api-key')
@Controller('v1/events')
export class EventsController {
  constructor(private readonly feed: EventFeed) {}

  @Get()
  @Documented({
    id: 'listEvents',
    tag: 'Events',
    summary: 'Read the result events in their order',
    description:
      'Every event that webhooks carried, gap-free: who stores `next_cursor` and goes on with it misses none, whatever ' +
      'was processed meanwhile. A cursor whose events are no longer kept: `410`, with the `oldest_cursor` that is.',
    query: {
      after: {
        description: 'Where to go on: an earlier `next_cursor`. Without it, from the oldest event that is kept.',
        schema: { type: 'string', maxLength: 2000 },
        example: CURSOR,
      },
      limit: PAGE.limit,
    },
    answers: {
      200: {
        description: 'The events that follow',
        shape: {
          title: 'EventsPage',
          type: 'object',
          required: ['data', 'next_cursor', 'has_more'],
          properties: {
            data: { type: 'array', description: 'The bodies of the webhooks', items: refTo('ResultEvent') },
            next_cursor: {
              type: 'string',
              description: 'Where to go on, also when there is nothing more yet',
              examples: [CURSOR],
            },
            has_more: { type: 'boolean', description: 'Whether there is more right now', examples: [false] },
          },
        },
      },
    },
    refuses: [410],
  })
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
