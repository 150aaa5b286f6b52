import { Injectable } from '@nestjs/common';
import { Clock, uuidFloor } from '../database/clock';
import { Database, statement } from '../database/database';

/** An incoming webhook that was answered without becoming a flow of its own. */
export interface IncomingAttempt {
  readonly atsId: string;
  /** The flow that a repeated webhook had made before. */
  readonly referenceId: string | null;
  readonly event: string | null;
  readonly statusCode: number;
  readonly durationMs: number;
  /** What the sender was told. */
  readonly error: string | null;
  readonly signature: string | null;
  readonly requestHeaders: Record<string, string>;
  /** Null for a repetition, whose payload is the flow's, and for an unauthenticated one, which is kept out. */
  readonly payload: string | null;
}

/** What was sent to an endpoint, and what came of it. */
export interface OutgoingAttempt {
  /** A UUIDv7 made when it began. */
  readonly id: string;
  /** `failure`: the other side answered no; `error`: no answer. */
  readonly outcome: 'success' | 'failure' | 'error';
  readonly statusCode: number | null;
  readonly error: string | null;
  readonly durationMs: number;
  readonly signature: string;
  readonly requestHeaders: Record<string, string>;
  readonly responseHeaders: Record<string, string>;
  readonly responseBody: string | null;
}

/** One to try it out. */
export interface TestAttempt extends OutgoingAttempt {
  readonly atsId: string;
  readonly event: string;
  readonly payload: string;
}

const RECORD_TEST = statement(
  'delivery_log_record_test',
  `insert into delivery_attempt (id, ats_id, direction, test, event, number, outcome, status_code, error, duration_ms,
                                 signature, request_headers, payload, response_headers, response_body)
   values ($1, $2, 'outgoing', true, $3, 1, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
);

const RECORD_INCOMING = statement(
  'delivery_log_record_incoming',
  `insert into delivery_attempt (id, ats_id, reference_id, direction, event, number, outcome, status_code, error,
                                 duration_ms, signature, request_headers, payload)
   values ($1, $2, $3, 'incoming', $4, 1, case when $5::smallint < 300 then 'success' else 'failure' end, $5, $6, $7,
           $8, $9, $10)`,
);

/** The lock makes the count right between replicas. It is one account's, and of each process one connection waits for it. */
const LOCK_REFUSALS = statement('delivery_log_lock_refusals', 'select pg_advisory_xact_lock(hashtextextended($1, 0))');

const RECORD_REFUSALS = statement(
  'delivery_log_record_refusals',
  `insert into delivery_attempt (id, ats_id, direction, number, outcome, status_code, error, duration_ms, request_headers)
   select t.id, $2, 'incoming', 1, 'failure', t.status_code, t.error, 0, '{}'
     from unnest($1::uuid[], $3::smallint[], $4::text[]) with ordinality t(id, status_code, error, n)
    where t.n <= $6 - (select count(*) from delivery_attempt
                        where ats_id = $2 and id >= $5::uuid and direction = 'incoming' and status_code in (401, 429))`,
);

const REFUSALS_PER_MINUTE = 60;
const MINUTE_MS = 60_000;

interface Refusal {
  readonly id: string;
  readonly statusCode: number;
  readonly error: string;
}

/**
 * Every attempt in both directions, kept until its day is dropped. Accepted incoming webhooks are recorded by the
 * statement that accepts them, deliveries by the one that settles them.
 */
@Injectable()
export class DeliveryLog {
  /** Ids of refusals that wait for those of their account being recorded. */
  private readonly refused = new Map<string, Refusal[]>();

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  /**
   * Records a webhook that could not prove itself, or was one too many: metadata only, and at most 60 a minute, since
   * whoever cannot sign, or slow down, must not fill the account's log. Nor the pool: those of an account that come
   * meanwhile share the next turn, or its fault.
   */
  async recordRefusal(atsId: string, statusCode: number, error: string): Promise<void> {
    const refusal: Refusal = { id: this.clock.uuidv7(), statusCode, error };
    const others = this.refused.get(atsId);
    if (others !== undefined) return void others.push(refusal);
    const refusals = [refusal];
    this.refused.set(atsId, refusals);
    try {
      while (refusals.length > 0) await this.insertRefusals(atsId, refusals.splice(0));
    } finally {
      this.refused.delete(atsId);
    }
  }

  private async insertRefusals(atsId: string, refusals: readonly Refusal[]): Promise<void> {
    const since = uuidFloor(this.clock.now() - MINUTE_MS);
    const columns = [refusals.map((r) => r.statusCode), refusals.map((r) => r.error)];
    await this.database.transaction(async (tx) => {
      await tx.query(LOCK_REFUSALS, [atsId]);
      await tx.query(RECORD_REFUSALS, [refusals.map((r) => r.id), atsId, ...columns, since, REFUSALS_PER_MINUTE]);
    });
  }

  /** Marked, and of no flow: what is counted of deliveries leaves it out. */
  async recordTest(attempt: TestAttempt): Promise<void> {
    await this.database.query(RECORD_TEST, [
      attempt.id,
      attempt.atsId,
      attempt.event,
      attempt.outcome,
      attempt.statusCode,
      attempt.error,
      attempt.durationMs,
      attempt.signature,
      JSON.stringify(attempt.requestHeaders),
      attempt.payload,
      JSON.stringify(attempt.responseHeaders),
      attempt.responseBody,
    ]);
  }

  async recordIncoming(attempt: IncomingAttempt): Promise<void> {
    await this.database.query(RECORD_INCOMING, [
      this.clock.uuidv7(),
      attempt.atsId,
      attempt.referenceId,
      attempt.event,
      attempt.statusCode,
      storable(attempt.error),
      Math.round(attempt.durationMs),
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
