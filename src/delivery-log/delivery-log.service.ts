import { Injectable } from '@nestjs/common';
import { Clock } from '../database/clock';
import { Database, statement } from '../database/database';

/** An incoming webhook that was answered without becoming a flow of its own. */
export interface IncomingAttempt {
  readonly atsId: string;
  /** The flow that a repeated webhook had made before. */
  readonly referenceId: string | null;
  readonly event: string | null;
  readonly statusCode: number;
  /** What the sender was told. */
  readonly error: string | null;
  readonly signature: string | null;
  readonly requestHeaders: Record<string, string>;
  /** Null for a repetition, whose payload is the flow's, and for an unauthenticated one, which is kept out. */
  readonly payload: string | null;
}

const RECORD_INCOMING = statement(
  'delivery_log_record_incoming',
  `insert into delivery_attempt (id, ats_id, reference_id, direction, event, number, outcome, status_code, error,
                                 duration_ms, signature, request_headers, payload)
   values ($1, $2, $3, 'incoming', $4, 1, case when $5::smallint < 300 then 'success' else 'failure' end, $5, $6, 0,
           $7, $8, $9)`,
);

/**
 * Every attempt in both directions, kept until its day is dropped. Accepted incoming webhooks are recorded by the
 * statement that accepts them, outgoing attempts by the one that settles them.
 */
@Injectable()
export class DeliveryLog {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  async recordIncoming(attempt: IncomingAttempt): Promise<void> {
    await this.database.query(RECORD_INCOMING, [
      this.clock.uuidv7(),
      attempt.atsId,
      attempt.referenceId,
      attempt.event,
      attempt.statusCode,
      storable(attempt.error),
      attempt.signature,
      JSON.stringify(attempt.requestHeaders),
      storable(attempt.payload),
    ]);
  }
}

/** PostgreSQL's text holds no NUL, and what was refused for holding one is still to be seen. */
function storable(text: string | null): string | null {
  return text?.replaceAll('\0', '\uFFFD') ?? null;
}
