import { Controller, HttpCode, Post, Req } from '@nestjs/common';
import type { Request } from 'express';
import { Auth } from '../auth/caller';
import { DomainError } from '../errors';
import { Undocumented } from '../http/documented';
import { readJson } from '../http/json-body';
import { fingerprint } from '../inbox/fingerprint';
import { Inbox } from '../inbox/inbox.service';
import type { Accepted202 } from '../inbox/rest-writes.service';
import { annotate } from '../observability/request-context';
import { parseInternalEvent } from './parser';

/** Where Carv's own services tell an account of what they made: meetings, and entities that they enriched. */
@Undocumented("for Carv's own services")
@Auth('internal-key')
@Controller('internal/v1/events')
export class InternalEventsController {
  constructor(private readonly inbox: Inbox) {}

  @Post()
  @HttpCode(202)
  async publish(@Req() request: Request): Promise<Accepted202> {
    const body = readJson(request);
    const { atsId, eventId, ...parsed } = parseInternalEvent(body);
    annotate({ ats_id: atsId });
    const accepting = this.inbox.accept({
      ...parsed,
      caller: { atsId, credential: { kind: 'internal' } },
      source: 'internal',
      idempotency: { key: eventId, fingerprint: fingerprint(request.method, request.path, body), field: 'event_id' },
      incoming: null,
    });
    const { referenceId, repeated } = await accepting.catch((error: unknown) => {
      // The key was right; it is the account that may not be written to.
      const unknown = error instanceof DomainError && error.kind === 'unauthorized';
      throw unknown ? new DomainError('not_found', 'There is no such account, or it is disabled') : error;
    });
    annotate({ reference_id: referenceId, repeated });
    return { reference_id: referenceId };
  }
}
