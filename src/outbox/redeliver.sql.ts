import { statement } from '../database/database';

/**
 * The workspaces' lanes, as processing takes them: the ids of an entity's messages must become visible in their order.
 * It also lets two redeliveries of one flow follow each other, so that the second finds the message of the first.
 */
export const LANES = statement(
  'outbox_lanes',
  `select from workspace where ats_id = $1 and ($2::text is null or client_id = $2) order by client_id
      for no key update`,
);

/** Queues again, in the order of their death, at most $4 of the messages that died between $2 and $3. */
export const REQUEUE_DEAD = statement(
  'outbox_requeue_dead',
  `with gone as (
     delete from dead_message where reference_id in (
       select reference_id from dead_message
        where ats_id = $1 and state = 'dead' and at >= $2::timestamptz and at <= $3::timestamptz
        order by at, reference_id limit $4 for update skip locked)
     returning ats_id, entity_key, reference_id, at)
   insert into outbox_message (ats_id, entity_key, reference_id)
   select ats_id, entity_key, reference_id from gone order by at, reference_id
   returning 1 as queued`,
);

export const DEAD_AT_ONCE = 500;
