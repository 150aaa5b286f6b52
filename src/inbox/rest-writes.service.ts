import { Injectable } from '@nestjs/common';
import type { Request } from 'express';
import type { Caller } from '../accounts/credential';
import type { InboundEventType } from '../events/inbound';
import { contextHeaders, idempotencyKey } from '../http/headers';
import { annotate } from '../observability/request-context';
import { fingerprint } from './fingerprint';
import { Inbox } from './inbox.service';

export interface RestWrite {
  readonly event: InboundEventType;
  readonly entityId: string;
  readonly payload: object;
  /** Only for writes that name their workspace themselves; the others name it in their headers. */
  readonly workspace?: { readonly clientId: string };
}

/** The answer to every write (contract, section 4). */
export interface Accepted202 {
  readonly reference_id: string;
}

/** Accepts what a controller has validated, with the headers that all REST writes share. */
@Injectable()
export class RestWrites {
  constructor(private readonly inbox: Inbox) {}

  /** @throws {DomainError} as `Inbox.accept`, and `invalid` for a missing or malformed header */
  async accept(request: Request, caller: Caller, write: RestWrite): Promise<Accepted202> {
    const context = write.workspace === undefined ? contextHeaders(request) : { ...write.workspace, userId: null };
    const key = idempotencyKey(request);
    const accepted = await this.inbox.accept({
      caller,
      ...context,
      source: 'rest',
      event: write.event,
      entityId: write.entityId,
      payload: write.payload,
      idempotency:
        key === undefined
          ? null
          : { key, fingerprint: fingerprint(request.method, request.path, write.payload), field: 'Idempotency-Key' },
      incoming: null,
    });
    annotate({ reference_id: accepted.referenceId, repeated: accepted.repeated });
    return { reference_id: accepted.referenceId };
  }
}
