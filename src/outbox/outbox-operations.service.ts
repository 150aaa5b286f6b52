import { Injectable } from '@nestjs/common';
import { uuidTime } from '../database/clock';
import { Database, statement, type Tx } from '../database/database';
import { DomainError } from '../errors';
import type { InboundEventType } from '../events/inbound';
import { entityKey } from '../events/results';
import { WakeUp } from '../queue/wake-up.service';
import { WAKE } from './outbox.sql';

/** One account's messages, for the operator. */
export interface OutboxStats {
  readonly ats_id: string;
  readonly pending: number;
  readonly due: number;
  readonly parked: number;
  readonly dead: number;
  readonly oldest_pending: string | null;
}

const FLOW = statement(
  'outbox_flow',
  `select f.ats_id, f.client_id, f.event, f.entity_id, r.reference_id is not null as processed
     from flow f left join result_event r on r.reference_id = f.reference_id
    where f.reference_id = $1`,
);

/**
 * The workspace's lane, as processing takes it: the ids of an entity's messages must become visible in their order. It
 * also lets two redeliveries of one flow follow each other, so that the second finds the message of the first.
 */
const LANE = statement('outbox_lane', 'select from workspace where ats_id = $1 and client_id = $2 for no key update');

/** A message that sleeps behind an older one of its entity goes on sleeping, and one in flight is not disturbed. */
const HASTEN = statement(
  'outbox_hasten',
  `with pending as (select id from outbox_message where ats_id = $1 and entity_key = $2 and reference_id = $3),
        due as (update outbox_message m set available_at = now() from pending
                 where m.id = pending.id and m.available_at < 'infinity' and m.leased_until <= now())
   select count(*)::int as pending from pending`,
);

const REQUEUE = statement(
  'outbox_requeue',
  `with dead as (delete from dead_message where reference_id = $3)
   insert into outbox_message (ats_id, entity_key, reference_id) values ($1, $2, $3)`,
);

const DISCARD = statement(
  'outbox_discard',
  `with gone as (
     delete from outbox_message where ats_id = $1 and entity_key = $2 and reference_id = $3
     returning reference_id, ats_id, entity_key, failures)
   insert into dead_message (reference_id, ats_id, entity_key, failures, state)
   select reference_id, ats_id, entity_key, failures, 'discarded' from gone
   on conflict (reference_id) do update set state = 'discarded', at = now()
   returning reference_id`,
);

const STATS = statement(
  'outbox_stats',
  `select ats_id, coalesce(pending, 0)::int as pending, coalesce(due, 0)::int as due,
          coalesce(parked, 0)::int as parked, coalesce(dead, 0)::int as dead, oldest as oldest_reference
     from (select ats_id, count(*) as pending, count(*) filter (where available_at <= now()) as due,
                  count(*) filter (where available_at = 'infinity') as parked, min(reference_id::text) as oldest
             from outbox_message group by ats_id) o
     full join (select ats_id, count(*) as dead from dead_message where state = 'dead' group by ats_id) d using (ats_id)
    order by ats_id`,
);

/** What people may do to messages by hand. */
@Injectable()
export class OutboxOperations {
  constructor(
    private readonly database: Database,
    private readonly wakeUp: WakeUp,
  ) {}

  /**
   * Makes a pending message due now; delivers a settled one again, with the same `event_id` and body, behind the pending
   * ones of its entity.
   *
   * @throws {DomainError} `not_found` for an unknown flow, `conflict` while it has no result yet
   */
  async redeliver(referenceId: string): Promise<'hastened' | 'requeued'> {
    const what = await this.database.transaction(async (tx) => {
      const key = await this.locate(tx, referenceId);
      const [found] = await tx.query<{ pending: number }>(HASTEN, key);
      if (found !== undefined && found.pending > 0) return 'hastened';
      await tx.query(REQUEUE, key);
      return 'requeued';
    });
    this.wakeUp.hint('outbox');
    return what;
  }

  /** Takes a pending message out of the queue for good. @throws {DomainError} `not_found` when there is none */
  async discard(referenceId: string): Promise<void> {
    await this.database.transaction(async (tx) => {
      const key = await this.locate(tx, referenceId);
      if ((await tx.query(DISCARD, key)).length === 0) {
        throw new DomainError('not_found', `No message of the flow ${referenceId} is pending`);
      }
      await tx.query(WAKE, [[key[0]], [key[1]]]);
    });
    this.wakeUp.hint('outbox');
  }

  async stats(): Promise<OutboxStats[]> {
    const rows = await this.database.query<Omit<OutboxStats, 'oldest_pending'> & { oldest_reference: string | null }>(
      STATS,
    );
    return rows.map(({ oldest_reference, ...row }) => ({
      ...row,
      oldest_pending: oldest_reference === null ? null : new Date(uuidTime(oldest_reference)).toISOString(),
    }));
  }

  private async locate(tx: Tx, referenceId: string): Promise<[atsId: string, entityKey: string, referenceId: string]> {
    const [flow] = await tx.query<FlowRow>(FLOW, [referenceId]);
    if (flow === undefined) throw new DomainError('not_found', `There is no flow ${referenceId}`);
    if (!flow.processed) throw new DomainError('conflict', `The flow ${referenceId} has no result yet`);
    const { ats_id, client_id, event, entity_id } = flow;
    await tx.query(LANE, [ats_id, client_id]);
    return [ats_id, entityKey({ clientId: client_id, event, entityId: entity_id }), referenceId];
  }
}

interface FlowRow {
  ats_id: string;
  client_id: string;
  event: InboundEventType;
  entity_id: string;
  processed: boolean;
}
