import { Injectable } from '@nestjs/common';
import { Database, REQUEST_DEADLINE_MS, statement } from '../../database/database';
import type { Attempt } from './attempts.service';

/** Header names and values, as they were sent. */
export type Headers = Readonly<Record<string, string>>;

/** All that is known of an attempt. */
export interface AttemptDetail extends Attempt {
  readonly nextAttemptAt: Date | null;
  readonly signature: string | null;
  readonly requestHeaders: Headers | null;
  readonly payload: string | null;
  readonly responseHeaders: Headers | null;
  readonly responseBody: string | null;
  /** Its flow's trace is still there. */
  readonly traced: boolean;
}

/** What is not stored with the attempt is what its flow received, or its result said. */
const FIND = statement(
  'portal_attempt_find',
  `select a.id, a.reference_id as "referenceId", a.direction, a.event, a.number, a.outcome, a.status_code as "statusCode",
          a.error, a.duration_ms as "durationMs", a.test, a.next_attempt_at as "nextAttemptAt", a.signature,
          a.request_headers as "requestHeaders", a.response_headers as "responseHeaders",
          a.response_body as "responseBody", f.reference_id is not null as traced,
          coalesce(a.payload, case a.direction when 'incoming' then f.payload::text else coalesce(r.body, k.body) end)
            as payload
     from delivery_attempt a
     left join flow f on f.reference_id = a.reference_id and f.ats_id = a.ats_id
     left join result_event r on r.reference_id = a.reference_id and r.ats_id = a.ats_id
     left join kept_event k on k.reference_id = a.reference_id and k.ats_id = a.ats_id
    where a.ats_id = $1 and a.id = $2::uuid`,
);

@Injectable()
export class AttemptDetails {
  constructor(private readonly database: Database) {}

  /** Null for an unknown one, and for another account's. */
  async find(atsId: string, id: string): Promise<AttemptDetail | null> {
    return (await this.database.query<AttemptDetail>(FIND, [atsId, id], REQUEST_DEADLINE_MS))[0] ?? null;
  }
}
