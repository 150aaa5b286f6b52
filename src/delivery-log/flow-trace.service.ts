import { Injectable } from '@nestjs/common';
import { INBOUND, type InboundEventType, type Source } from '../events/inbound';
import type { OutboundEventType } from '../events/outbound';
import { uuidFloor, uuidTime } from '../database/clock';
import { Database, statement } from '../database/database';

export type FlowStatus = 'accepted' | 'processed' | 'delivered' | 'dead' | 'discarded';

/** One flow from end to end (contract, section 5); times are ISO 8601. */
export interface FlowTrace {
  readonly reference_id: string;
  readonly client_id: string;
  readonly event: OutboundEventType;
  readonly source: Source;
  readonly result: 'success' | 'error' | null;
  readonly status: FlowStatus;
  readonly timeline: readonly TimelineEntry[];
}

export type TimelineEntry =
  | { at: string; stage: 'accepted' }
  | { at: string; stage: 'processed'; status: 'success' | 'error' }
  | {
      at: string;
      stage: 'attempt';
      number: number;
      outcome: 'success' | 'failure' | 'error';
      status_code: number | null;
      duration_ms: number;
      next_attempt_at: string | null;
    }
  | { at: string; stage: 'delivered' | 'dead' | 'discarded' };

interface FlowRow {
  client_id: string;
  source: Source;
  event: InboundEventType;
  result: 'success' | 'error' | null;
  result_event: OutboundEventType | null;
  processed_at: Date | null;
  pending: boolean;
  ended: 'dead' | 'discarded' | null;
  ended_at: Date | null;
}

interface AttemptRow {
  id: string;
  number: number;
  outcome: 'success' | 'failure' | 'error';
  status_code: number | null;
  duration_ms: number;
  next_attempt_at: Date | null;
}

const FLOW = statement(
  'flow_trace',
  `select f.client_id, f.source, f.event, r.status as result, r.event as result_event, r.created_at as processed_at,
          exists (select from outbox_message o where o.ats_id = f.ats_id and o.reference_id = f.reference_id) as pending,
          d.state as ended, d.at as ended_at
     from flow f
     left join result_event r on r.reference_id = f.reference_id
     left join dead_message d on d.reference_id = f.reference_id
    where f.reference_id = $1 and ($2::text is null or f.ats_id = (
          select ats_id from account where ats_id = $2 and api_key_hash = $3 and enabled))`,
);

/** $2 is a bound that lets whole days of attempts, those before the flow, be passed over. */
const ATTEMPTS = statement(
  'flow_attempts',
  `select id, number, outcome, status_code, duration_ms, next_attempt_at from delivery_attempt
    where reference_id = $1 and direction = 'outgoing' and id >= $2::uuid
    order by id`,
);

@Injectable()
export class FlowTraces {
  constructor(private readonly database: Database) {}

  /**
   * Null for an unknown flow and for one of an account other than the reader's.
   *
   * @param reader account and hash of its key, judged in the statement that reads; null for an operator, who reads all
   */
  async find(referenceId: string, reader: readonly [string, Buffer | null] | null): Promise<FlowTrace | null> {
    const [flow] = await this.database.query<FlowRow>(FLOW, [referenceId, ...(reader ?? [null, null])]);
    if (flow === undefined) return null;
    const acceptedAt = uuidTime(referenceId);
    const attempts = await this.database.query<AttemptRow>(ATTEMPTS, [referenceId, uuidFloor(acceptedAt)]);
    const delivered = attempts.findLast((a) => a.outcome === 'success');
    const status = statusOf(flow, delivered !== undefined);
    return {
      reference_id: referenceId,
      client_id: flow.client_id,
      event: flow.result_event ?? INBOUND[flow.event].asks,
      source: flow.source,
      result: flow.result,
      status,
      timeline: [...timeline(flow, acceptedAt, attempts), ...ending(flow, status, delivered)],
    };
  }
}

function statusOf(flow: FlowRow, delivered: boolean): FlowStatus {
  if (flow.result === null) return 'accepted';
  if (flow.ended !== null) return flow.ended;
  return delivered && !flow.pending ? 'delivered' : 'processed';
}

function* timeline(flow: FlowRow, acceptedAt: number, attempts: readonly AttemptRow[]): Generator<TimelineEntry> {
  yield { at: iso(acceptedAt), stage: 'accepted' };
  if (flow.result !== null && flow.processed_at !== null) {
    yield { at: flow.processed_at.toISOString(), stage: 'processed', status: flow.result };
  }
  for (const { id, number, outcome, status_code, duration_ms, next_attempt_at } of attempts) {
    yield {
      at: iso(uuidTime(id)),
      stage: 'attempt',
      number,
      outcome,
      status_code,
      duration_ms,
      next_attempt_at: next_attempt_at?.toISOString() ?? null,
    };
  }
}

function* ending(flow: FlowRow, status: FlowStatus, delivered: AttemptRow | undefined): Generator<TimelineEntry> {
  if (status === 'delivered' && delivered !== undefined) {
    yield { at: iso(uuidTime(delivered.id) + delivered.duration_ms), stage: 'delivered' };
  }
  if ((status === 'dead' || status === 'discarded') && flow.ended_at !== null) {
    yield { at: flow.ended_at.toISOString(), stage: status };
  }
}

function iso(epochMs: number): string {
  return new Date(epochMs).toISOString();
}
