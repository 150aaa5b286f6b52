import { queueStatement, statement } from '../database/database';

// Each row is named by its `ats_id` beside its key, so that it can be routed (docs/scaling.md). Why rows to be changed are named
// by an array and a hash, and what the collation does, stands in `outbox/outbox.sql.ts`.

/** Leaps from account to account in the index, beginning behind $1, at most $2 of them. */
export const ACCOUNTS = queueStatement(
  `with recursive a as (
     (select ats_id from inbox_message where ats_id > $1 order by ats_id limit 1)
     union all
     select (select i.ats_id from inbox_message i where i.ats_id > a.ats_id order by i.ats_id limit 1)
       from a where a.ats_id is not null)
   select ats_id from a where ats_id is not null limit $2`,
);

/**
 * Takes the lanes of these accounts, each account's beginning behind the client it was left at, at most $3 for each
 * account. A lane that another process is claiming or processing is passed over, not waited for.
 */
export const LANES = queueStatement(
  `select l.ats_id, l.client_id, w.ats_id is not null as free
     from unnest($1::text[], $2::text[]) a(ats_id, after)
     cross join lateral (
       with recursive c as (
         (select client_id from inbox_message where ats_id = a.ats_id and client_id > a.after order by client_id limit 1)
         union all
         select (select i.client_id from inbox_message i
                  where i.ats_id = a.ats_id and i.client_id > c.client_id order by i.client_id limit 1)
           from c where c.client_id is not null)
       select a.ats_id, client_id from c where client_id is not null limit $3) l
     left join lateral (
       select ats_id from workspace w where w.ats_id = l.ats_id and w.client_id = l.client_id
          for no key update skip locked) w on true`,
);

/**
 * Claims the oldest messages of lanes already taken, at most $3 of each. It must be a later statement than the taking:
 * its snapshot then holds every lease that was given while the lane was not ours.
 *
 * A lane with a leased message is busy. A message whose lease ended unsettled may be what ended its worker: it is
 * claimed alone, and what stands before it without it. Nothing overtakes a message that waits for its retry.
 *
 * Read is what stands in the index from the beginning of the lane, and what is of another lane is dropped. Of the lane itself the
 * planner would expect a row or two, and read and sort all of it, instead of following the index until it has enough.
 */
export const CLAIM = queueStatement(
  `with due as (
     select m.ats_id, m.id
       from unnest($1::text[], $2::text[]) lane(ats_id, client_id)
       cross join lateral (
         select ats_id, id, row_number() over (order by id) as n, lost, waiting, bool_or(leased) over () as busy,
                bool_or(lost or waiting) over (order by id) as halted
           from (select i.ats_id, i.client_id, i.id,
                        i.leased_until > now() as leased,
                        i.leased_until > '-infinity' as lost,
                        i.available_at > now() as waiting
                   from inbox_message i
                  where (i.ats_id, i.client_id, i.id) >= (lane.ats_id, lane.client_id, 0)
                  order by i.ats_id, i.client_id, i.id limit $3) oldest
          where oldest.ats_id = lane.ats_id and oldest.client_id = lane.client_id) m
      where not m.busy and (not m.halted or (m.n = 1 and m.lost and not m.waiting))
   ), claimed as (
     update inbox_message m
        set attempt = m.attempt + 1,
            leased_until = clock_timestamp() + $4::int * interval '1 ms',
            crashes = m.crashes + (m.leased_until > '-infinity')::int
      where m.ats_id collate "default" = any($1::text[]) and m.id = any(array(select id from due))
        and ((m.ats_id, m.id) in (select ats_id, id from due)) is true
     returning m.ats_id, m.id, m.attempt, m.failures, m.crashes, m.reference_id)
   select c.id, c.attempt, c.failures, c.crashes,
          f.reference_id, f.ats_id, f.client_id, f.user_id, f.event, f.entity_id, f.payload
     from claimed c
     cross join lateral (
       select f.reference_id, f.ats_id, f.client_id, f.user_id, f.event, f.entity_id, f.payload
         from flow f where f.ats_id = c.ats_id collate "default" and f.reference_id = c.reference_id) f
    order by c.id`,
);

/** Takes the lanes for the transaction that applies their messages, in one order for all processes. */
export const LOCK_LANES = statement(
  'inbox_lock_lanes',
  `select w.ats_id from workspace w
     join unnest($1::text[], $2::text[]) lane(ats_id, client_id) using (ats_id, client_id)
    order by w.ats_id, w.client_id
      for no key update of w`,
);

/**
 * The fence: only rows still claimed under this attempt are removed, and only those may be applied. A lease that has ended
 * counts no more, though nobody claimed the row yet: another worker may hold what stands before it in the lane. The clock is
 * read within the lane, once for all rows; `now()` is when the transaction began.
 */
export const SETTLE = queueStatement(
  `with s as (select * from unnest($1::text[], $2::bigint[], $3::int[]) s(ats_id, id, attempt))
   delete from inbox_message m
    where m.ats_id collate "default" = any($1::text[]) and m.id = any(array(select id from s))
      and ((m.ats_id, m.id, m.attempt) in (select ats_id, id, attempt from s)) is true
      and m.leased_until > statement_timestamp()
   returning m.id`,
);

/** Back as if never claimed: nothing was judged, and whoever can say so lives. */
export const RELEASE = queueStatement(
  `with s as (select * from unnest($1::text[], $2::bigint[], $3::int[]) s(ats_id, id, attempt))
   update inbox_message m set leased_until = '-infinity', crashes = 0
    where m.ats_id collate "default" = any($1::text[]) and m.id = any(array(select id from s))
      and ((m.ats_id, m.id, m.attempt) in (select ats_id, id, attempt from s)) is true`,
);

/** Back as it stood before this claim, still suspected of having ended its worker. */
export const PUT_BACK = queueStatement(
  `with s as (select * from unnest($1::text[], $2::bigint[], $3::int[]) s(ats_id, id, attempt))
   update inbox_message m set leased_until = now(), crashes = m.crashes - 1
    where m.ats_id collate "default" = any($1::text[]) and m.id = any(array(select id from s))
      and ((m.ats_id, m.id, m.attempt) in (select ats_id, id, attempt from s)) is true`,
);

/** One judged failure: due again after $4 ms. */
export const RETRY = queueStatement(
  `update inbox_message m
      set leased_until = '-infinity', crashes = 0, failures = failures + 1,
          available_at = now() + $4::int * interval '1 ms'
    where m.ats_id = $1 collate "default" and m.id = $2 and m.attempt = $3`,
);
