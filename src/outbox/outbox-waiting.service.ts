import { Injectable } from '@nestjs/common';
import { Database, queueStatement, REQUEST_DEADLINE_MS } from '../database/database';

/** Beyond these a count is only "more than". */
export const COUNTED = 1000;

/** Why a message is still in the queue, its endpoint apart. */
export type WaitingFor = 'its_turn' | 'its_answer' | 'its_retry' | 'an_older_one' | 'its_score';

export interface Waiting {
  /** At most one more than `COUNTED`. */
  readonly pending: number;
  readonly dead: number;
  readonly oldest: {
    readonly referenceId: string;
    readonly since: Date;
    readonly failures: number;
    readonly waitsFor: WaitingFor;
    /** When it is tried again, if it waits for that. */
    readonly retryAt: Date | null;
  } | null;
}

/**
 * The oldest of an account that has no more than are counted; of another, the older of the one due first, which was never
 * tried, and the one due last, which failed most often: no index has them in the order in which they were queued, and none
 * shall. What is parked is younger than what it waits for, unless that is held for a score.
 *
 * The limit comes from a row, so that the planner does not know it: it took a known one for a reason to read all messages
 * of the account and to sort them.
 */
const WAITING = queueStatement(
  `with pending as materialized (
     select o.* from unnest(array[${COUNTED + 1}]) n(most) cross join lateral (
       select id, reference_id, queued_at, failures, available_at, leased_until from outbox_message
        where ats_id = $1 order by available_at, id limit n.most) o
   ), seen as (
     select * from pending
     union all
     (select id, reference_id, queued_at, failures, available_at, leased_until from outbox_message
       where ats_id = $1 and available_at < 'infinity' order by available_at desc, id desc limit 1))
   select (select count(*)::int from pending) as pending,
          (select count(*)::int from (
             select from dead_message where ats_id = $1 and state = 'dead' limit ${COUNTED + 1}) d) as dead,
          o.reference_id, o.queued_at, o.failures,
          case when o.available_at = 'infinity' and o.leased_until = 'infinity' then 'its_score'
               when o.available_at = 'infinity' then 'an_older_one'
               when o.leased_until > now() then 'its_answer'
               when o.available_at > now() then 'its_retry' else 'its_turn' end as waits_for,
          case when o.available_at > now() and o.available_at < 'infinity' then o.available_at end as retry_at
     from (values (1)) one
     left join (select * from seen order by queued_at, id limit 1) o on true`,
);

interface Row {
  pending: number;
  dead: number;
  reference_id: string | null;
  queued_at: Date;
  failures: number;
  waits_for: WaitingFor;
  retry_at: Date | null;
}

/** What of an account has not arrived yet, at a cost that does not grow with the queue. */
@Injectable()
export class OutboxWaiting {
  constructor(private readonly database: Database) {}

  async of(atsId: string): Promise<Waiting> {
    const [row] = await this.database.query<Row>(WAITING, [atsId], REQUEST_DEADLINE_MS);
    if (row === undefined) throw new Error('a count gave no row');
    const { pending, dead, reference_id, queued_at, failures, waits_for, retry_at } = row;
    const oldest =
      reference_id === null
        ? null
        : { referenceId: reference_id, since: queued_at, failures, waitsFor: waits_for, retryAt: retry_at };
    return { pending, dead, oldest };
  }
}
