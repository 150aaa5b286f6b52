import { Controller, HttpCode, Post, Req } from '@nestjs/common';
import type { Request } from 'express';
import type { Caller } from '../accounts/credential';
import { Auth, CallerOf } from '../auth/caller';
import { DeliveryLog } from '../delivery-log/delivery-log.service';
import { badSignature, DomainError } from '../errors';
import { ACCEPTED, Documented, idInPath } from '../http/documented';
import { readJson } from '../http/json-body';
import { refTo } from '../http/json-schema';
import { fingerprint } from '../inbox/fingerprint';
import { Inbox } from '../inbox/inbox.service';
import type { Accepted202 } from '../inbox/rest-writes.service';
import { logger } from '../observability/logger';
import { annotate } from '../observability/request-context';
import { parseEvent } from './parser';

/** Kept in the delivery log; anything else a sender puts into its headers may be a credential. */
const LOGGED_HEADERS = ['content-type', 'content-length', 'user-agent'] as const;

@Auth('webhook-signature')
@Controller('v1/webhooks')
export class IncomingWebhooksController {
  constructor(
    private readonly inbox: Inbox,
    private readonly log: DeliveryLog,
  ) {}

  @Post(':ats_id')
  @HttpCode(202)
  @Documented({
    id: 'receiveWebhook',
    tag: 'Incoming webhooks',
    summary: 'Take an event of an ATS',
    description:
      'Processed as its REST twin is: `created` as `POST`, `updated` as `PATCH`, `deleted` as `DELETE`. An unknown ' +
      '`ats_id` is answered as a bad signature is. A repeated `event_id` answers the same `reference_id`.',
    path: { ats_id: idInPath("The account's id", 'your-ats-id') },
    body: { shape: refTo('IncomingEvent') },
    answers: { 202: ACCEPTED },
    refuses: [409],
  })
  async receive(@Req() request: Request, @CallerOf() caller: Caller): Promise<Accepted202> {
    const startedAt = performance.now();
    const headers = loggedHeaders(request);
    const signature = String(request.headers['x-webhook-signature']);
    let event: string | null = null;
    const record = (referenceId: string | null, statusCode: number, error: string | null): void => {
      const { atsId } = caller;
      const payload = referenceId === null ? request.rawBody.toString() : null;
      const durationMs = performance.now() - startedAt;
      const told = { statusCode, error, durationMs };
      this.log
        .recordIncoming({ atsId, referenceId, event, ...told, signature, requestHeaders: headers, payload })
        .catch((fault: unknown) => {
          logger.warn({ err: fault, ats_id: atsId }, 'delivery_log.failed');
        });
    };
    try {
      const body = readJson(request);
      const { eventId, ...parsed } = parseEvent(body);
      event = parsed.event;
      const accepted = await this.inbox.accept({
        caller,
        ...parsed,
        source: 'webhook',
        idempotency: { key: eventId, fingerprint: fingerprint(request.method, request.path, body), field: 'event_id' },
        incoming: { signature, headers, startedAt },
      });
      annotate({ reference_id: accepted.referenceId, repeated: accepted.repeated });
      if (accepted.repeated) record(accepted.referenceId, 202, null);
      return { reference_id: accepted.referenceId };
    } catch (error) {
      // The secret ended after the guard had looked: no more is logged of it than of any bad signature.
      if (error instanceof DomainError && error.kind === 'unauthorized') throw badSignature();
      // Of what was not even answered by the database there is nothing to record it with.
      if (error instanceof DomainError && error.kind !== 'unavailable') record(null, error.status, error.message);
      throw error;
    }
  }
}

function loggedHeaders(request: Request): Record<string, string> {
  return Object.fromEntries(
    LOGGED_HEADERS.flatMap((name) => {
      const value = request.headers[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}
