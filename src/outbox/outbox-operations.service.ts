import { Injectable } from '@nestjs/common';
import { AUDIT } from '../accounts/audit';
import { Clock, uuidTime } from '../database/clock';
import { Database, statement, type Tx } from '../database/database';
import type { Reader } from '../delivery-log/flow-trace.service';
import { DomainError, unauthorized } from '../errors';
import type { InboundEventType } from '../events/inbound';
import { entityKey } from '../events/results';
import { WakeUp } from '../queue/wake-up.service';
import { WAKE } from './outbox.sql';
import { DEAD_AT_ONCE, LANES, REQUEUE_DEAD } from './redeliver.sql';

/** One account's messages, for the operator. */
export interface OutboxStats {
  readonly ats_id: string;
  readonly pending: number;
  readonly due: number;
  readonly parked: number;
  readonly dead: number;
  readonly oldest_pending: string | null;
}

/**
 * The message by what is left of its flow: the flow itself, or the dead message, which outlives it. The floor is held,
 * so that the body cannot be dropped between the look and the queueing. A reader whose key no longer counts gets no row
 * at all; one without rights to the flow a row of nulls.
 */
const FLOW = statement(
  'outbox_flow',
  `with floor as materialized (select reference_id from retention_floor for share),
        found as (select f.ats_id, f.client_id, f.event, f.entity_id, r.reference_id is not null as processed
                    from flow f left join result_event r on r.reference_id = f.reference_id
                   where f.reference_id = $1 and f.reference_id >= (select reference_id from floor))
   select coalesce(f.ats_id, d.ats_id) as ats_id, f.client_id, f.event, f.entity_id,
          coalesce(f.processed, true) as processed, d.entity_key
     from (select ats_id from account where ats_id = $2 and (api_key_hash = $3 or $4::bool) and enabled
           union all select null where $2::text is null) reader
     cross join floor
     left join found f on f.ats_id = coalesce(reader.ats_id, f.ats_id)
     left join dead_message d on d.reference_id = $1 and d.ats_id = coalesce(reader.ats_id, d.ats_id)
          and (d.state = 'dead' or f.ats_id is not null)`,
);

/**
 * A message that sleeps behind an older one of its entity goes on sleeping, and one in flight is not disturbed. The lock
 * waits for one that is just leaving, so that it is not taken for pending.
 */
const HASTEN = statement(
  'outbox_hasten',
  `with pending as (select id from outbox_message where ats_id = $1 collate "POSIX" and entity_key = $2 and reference_id = $3
                      for no key update),
        due as (update outbox_message m set available_at = now() from pending
                 where m.id = pending.id and m.available_at < 'infinity' and m.leased_until <= now())
   select count(*)::int as pending from pending`,
);

/** Where the flow is gone ($4: it is not), the dead message alone has kept the body: it must not have expired meanwhile. */
const REQUEUE = statement(
  'outbox_requeue',
  `with dead as (delete from dead_message where reference_id = $3 returning 1)
   insert into outbox_message (ats_id, entity_key, reference_id)
   select $1::text, $2::text, $3::uuid where $4::bool or exists (select from dead)
   returning 1 as queued`,
);

const DISCARD = statement(
  'outbox_discard',
  `with gone as (
     delete from outbox_message where ats_id = $1 collate "POSIX" and entity_key = $2 and reference_id = $3
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
                  count(*) filter (where available_at = 'infinity' and leased_until < 'infinity') as parked,
                  min(reference_id::text) as oldest
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
    private readonly clock: Clock,
  ) {}

  /**
   * Makes a pending message due now; delivers a settled one again, with the same `event_id` and body, behind the pending
   * ones of its entity.
   *
   * @param reader null for an operator
   * @param actor whom the account's audit log names; null: it is not noted
   * @throws {DomainError} `unauthorized` when the reader's key no longer counts, `not_found` for an unknown or expired
   *   flow, `conflict` while it has no result yet
   */
  async redeliver(
    referenceId: string,
    reader: Reader | null = null,
    actor: string | null = null,
  ): Promise<'hastened' | 'requeued'> {
    const what = await this.database.transaction(async (tx) => {
      const { key, kept } = await this.locate(tx, referenceId, reader);
      const detail = { reference_id: referenceId };
      if (actor !== null) await tx.query(AUDIT, [this.clock.uuidv7(), key[0], actor, 'flow.redelivered', detail]);
      const [found] = await tx.query<{ pending: number }>(HASTEN, key);
      if (found !== undefined && found.pending > 0) return 'hastened';
      if ((await tx.query(REQUEUE, [...key, kept])).length === 0) throw gone();
      return 'requeued';
    });
    this.wakeUp.hint('outbox');
    return what;
  }

  /**
   * Delivers again everything of an account that died since a time, in the order in which it died.
   *
   * @param onProgress is told the number so far, after each five hundred
   */
  async redeliverDead(atsId: string, since: Date, onProgress: (count: number) => void): Promise<number> {
    // What dies again meanwhile stays where it is.
    const until = new Date(this.clock.now());
    let count = 0;
    for (let last = DEAD_AT_ONCE; last === DEAD_AT_ONCE;) {
      last = await this.database.transaction(async (tx) => {
        await tx.query(LANES, [atsId, null]);
        return (await tx.query(REQUEUE_DEAD, [atsId, since, until, DEAD_AT_ONCE])).length;
      });
      count += last;
      this.wakeUp.hint('outbox');
      onProgress(count);
    }
    return count;
  }

  /** Takes a pending message out of the queue for good. @throws {DomainError} `not_found` when there is none */
  async discard(referenceId: string): Promise<void> {
    await this.database.transaction(async (tx) => {
      const { key } = await this.locate(tx, referenceId, null);
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

  private async locate(tx: Tx, referenceId: string, reader: Reader | null): Promise<Located> {
    const [atsId = null, apiKeyHash = null, signedIn = false] = reader ?? [];
    const [flow] = await tx.query<FlowRow>(FLOW, [referenceId, atsId, apiKeyHash, signedIn]);
    if (flow === undefined) throw unauthorized();
    if (flow.ats_id === null) throw gone();
    if (!flow.processed) throw new DomainError('conflict', 'The flow has no result yet');
    await tx.query(LANES, [flow.ats_id, flow.client_id]);
    const { client_id: clientId, event, entity_id: entityId } = flow;
    const key = flow.entity_key ?? entityKey({ clientId: clientId ?? '', event, entityId });
    return { key: [flow.ats_id, key, referenceId], kept: flow.client_id !== null };
  }
}

function gone(): DomainError {
  return new DomainError('not_found', 'There is no such flow, or it has expired');
}

interface Located {
  readonly key: readonly [atsId: string, entityKey: string, referenceId: string];
  /** Its flow is still there. */
  readonly kept: boolean;
}

/** Of a flow that is gone, only what its dead message tells is not null. */
interface FlowRow {
  ats_id: string | null;
  client_id: string | null;
  event: InboundEventType;
  entity_id: string;
  processed: boolean;
  entity_key: string | null;
}
