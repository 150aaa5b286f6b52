import { Injectable } from '@nestjs/common';
import { unauthorized } from '../errors';
import { INBOUND, type InboundEventType, type Source } from '../events/inbound';
import type { OutboundEventType } from '../events/outbound';
import { entityKey } from '../events/results';
import { uuidFloor, uuidTime } from '../database/clock';
import { Database, REQUEST_DEADLINE_MS, statement } from '../database/database';

export const FLOW_STATUSES = ['accepted', 'processed', 'delivered', 'dead', 'discarded'] as const;
export type FlowStatus = (typeof FLOW_STATUSES)[number];

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
  ats_id: string;
  client_id: string | null;
  entity_id: string;
  source: Source;
  event: InboundEventType;
  result: 'success' | 'error' | null;
  result_event: OutboundEventType | null;
  processed_at: Date | null;
  ended: 'dead' | 'discarded' | null;
  ended_at: Date | null;
}

interface AttemptRow {
  id: string;
  number: number;
  outcome: 'success' | 'failure' | 'error';
  status_code: number | null;
  fault: string | null;
  duration_ms: number;
  next_attempt_at: Date | null;
}

/**
 * On whose behalf something of an account is read, judged in the statement that reads: by the hash of its key, which may be
 * gone by now, or because the portal has just found its session.
 */
export type Reader = readonly [atsId: string, apiKeyHash: Buffer | null, signedIn?: true];

/** What the portal shows of a flow beside its trace. */
export interface FlowLook {
  readonly trace: FlowTrace;
  readonly entityId: string;
  /** The timeline's attempts, in their order, and why no answer came to one. */
  readonly attempts: readonly { readonly id: string; readonly fault: string | null }[];
}

/** A reader whose key no longer counts gets no row at all; one without rights to the flow a row of nulls. */
const FLOW = statement(
  'flow_trace',
  `select f.client_id, f.source, f.event, r.status as result, r.event as result_event, r.created_at as processed_at,
          f.ats_id, f.entity_id, d.state as ended, d.at as ended_at
     from (select ats_id from account where ats_id = $2 and (api_key_hash = $3 and enabled or $4::bool)
           union all select null where $2::text is null) reader
     left join flow f on f.reference_id = $1 and f.ats_id = coalesce(reader.ats_id, f.ats_id)
     left join result_event r on r.reference_id = f.reference_id
     left join dead_message d on d.reference_id = f.reference_id`,
);

/** $2 is a bound that lets whole days of attempts, those before the flow, be passed over. */
const ATTEMPTS = statement(
  'flow_attempts',
  `select id, number, outcome, status_code, error as fault, duration_ms, next_attempt_at from delivery_attempt
    where reference_id = $1 and direction = 'outgoing' and id >= $2::uuid
    order by id`,
);

/** By its entity, whose messages stand in an index; the queue has none on the flow, which only this would use. */
const PENDING = statement(
  'flow_pending',
  `select from outbox_message where ats_id = $1 collate "POSIX" and entity_key = $2 and reference_id = $3`,
);

/** An attempt's id is made by another process, whose measure of the database's time may be a little behind. */
export const CLOCKS_APART_MS = 60_000;

@Injectable()
export class FlowTraces {
  constructor(private readonly database: Database) {}

  /**
   * Null for an unknown flow and for one of an account other than the reader's.
   *
   * @throws {DomainError} `unauthorized` when the reader's key no longer counts
   * @param reader null for an operator, who reads all
   */
  async find(referenceId: string, reader: Reader | null): Promise<FlowTrace | null> {
    return (await this.look(referenceId, reader))?.trace ?? null;
  }

  /** The same, with what leads on from it. */
  async look(referenceId: string, reader: Reader | null): Promise<FlowLook | null> {
    const [atsId = null, apiKeyHash = null, signedIn = false] = reader ?? [];
    const values = [referenceId, atsId, apiKeyHash, signedIn];
    const [flow] = await this.database.query<FlowRow>(FLOW, values, REQUEST_DEADLINE_MS);
    if (flow === undefined) throw unauthorized();
    if (flow.client_id === null) return null;
    const acceptedAt = uuidTime(referenceId);
    const attempts = await this.database.query<AttemptRow>(
      ATTEMPTS,
      [referenceId, uuidFloor(acceptedAt - CLOCKS_APART_MS)],
      REQUEST_DEADLINE_MS,
    );
    const delivered = attempts.findLast((a) => a.outcome === 'success');
    const key = entityKey({ clientId: flow.client_id, event: flow.event, entityId: flow.entity_id });
    // A flow that was delivered may be on its way again, redelivered by a person.
    const settled =
      delivered !== undefined &&
      (await this.database.query(PENDING, [flow.ats_id, key, referenceId], REQUEST_DEADLINE_MS)).length === 0;
    const status = statusOf(flow, settled);
    const trace: FlowTrace = {
      reference_id: referenceId,
      client_id: flow.client_id,
      event: flow.result_event ?? INBOUND[flow.event].asks,
      source: flow.source,
      result: flow.result,
      status,
      timeline: [...timeline(flow, acceptedAt, attempts), ...ending(flow, status, delivered)],
    };
    return { trace, entityId: flow.entity_id, attempts: attempts.map(({ id, fault }) => ({ id, fault })) };
  }
}

/** @param settled whether it was delivered and is not on its way again */
export function statusOf(flow: Pick<FlowRow, 'result' | 'ended'>, settled: boolean): FlowStatus {
  if (flow.result === null) return 'accepted';
  if (flow.ended !== null) return flow.ended;
  return settled ? 'delivered' : 'processed';
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
