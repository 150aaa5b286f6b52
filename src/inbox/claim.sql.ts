import { queueStatement, statement } from '../database/database';

// Each row is named by its `ats_id` beside its key, so that it can be routed (docs/scaling.md). Why rows to be changed are named
// by an array and a hash, and what the collation does, stands in `outbox/outbox.sql.ts`.

/** Behind every account, as `ats_id || chr(1)` is behind all of its lanes and before the next account. */
const END = `'\u{10FFFF}'::text`;

/**
 * The newest id, and then the transactions that may have taken one and not ended. Whoever inserts locks the table before it
 * takes an id.
 */
export const HORIZON = statement(
  'inbox_horizon',
  `with newest as materialized (
     select coalesce(pg_sequence_last_value('inbox_message_id_seq'::regclass), 0) as id)
   select n.id as last_id, array(
            select l.virtualtransaction from pg_locks l
             where l.locktype = 'relation' and l.database = (select oid from pg_database where datname = current_database())
               and l.relation = 'inbox_message'::regclass and l.mode = 'RowExclusiveLock' and n.id is not null) as writers
     from newest n`,
);

/**
 * Leaps from account to account in the index, beginning behind $1, at most $2 of them. Lanes that have a mark ($3 to $5) are looked
 * at from there on, and between them all is (`LaneMarks`).
 */
export const ACCOUNTS = queueStatement(
  `with start as materialized (
     select ats_id, client_id, low, lead(ats_id, 1, ${END}) over lane as next_ats, lead(client_id, 1, '') over lane as next
       from (select $1 || chr(1) collate "C" as ats_id, '' collate "C" as client_id, null::bigint as low
             union all select * from unnest($3::text[], $4::text[], $5::bigint[])) n
     window lane as (order by ats_id, client_id))
   select distinct f.ats_id
     from start s
     cross join lateral (
       (select i.ats_id from inbox_message i
         where (i.ats_id, i.client_id, i.id) >= (s.ats_id, s.client_id, s.low)
           and (i.ats_id, i.client_id) <= (s.ats_id, s.client_id)
         order by i.ats_id, i.client_id, i.id limit 1)
       union all
       (with recursive gap as (
          (select i.ats_id, 1 as n from inbox_message i
            where (i.ats_id, i.client_id) > (s.ats_id, s.client_id) and (i.ats_id, i.client_id) < (s.next_ats, s.next)
            order by i.ats_id, i.client_id, i.id limit 1)
          union all
          (select i.ats_id, gap.n + 1 from gap cross join lateral (
             select i.ats_id from inbox_message i
              where i.ats_id > gap.ats_id and (i.ats_id, i.client_id) < (s.next_ats, s.next)
              order by i.ats_id, i.client_id, i.id limit 1) i
            where gap.n < $2))
        select ats_id from gap)) f
    order by f.ats_id limit $2`,
);

/**
 * Takes the lanes of these accounts, each account's beginning behind the client it was left at, at most $3 for each
 * account. A lane that another process is claiming or processing is passed over, not waited for. $4 to $6 are the marks of
 * lanes behind those clients.
 */
export const LANES = queueStatement(
  `with start as materialized (
     select ats_id, client_id, low, coalesce(lead(client_id) over lane, '') as next,
            case when lead(client_id) over lane is null then ats_id || chr(1) else ats_id end as next_ats
       from (select ats_id collate "C" as ats_id, after collate "C" as client_id, null::bigint as low
               from unnest($1::text[], $2::text[]) a(ats_id, after)
             union all select * from unnest($4::text[], $5::text[], $6::bigint[])) n
     window lane as (partition by ats_id order by client_id)
   ), l as (
     select ats_id, client_id
       from (select s.ats_id, f.client_id, row_number() over (partition by s.ats_id order by f.client_id) as n
               from start s
               cross join lateral (
                 (select i.client_id from inbox_message i
                   where (i.ats_id, i.client_id, i.id) >= (s.ats_id, s.client_id, s.low)
                     and (i.ats_id, i.client_id) <= (s.ats_id, s.client_id)
                   order by i.ats_id, i.client_id, i.id limit 1)
                 union all
                 (with recursive gap as (
                    (select i.client_id, 1 as n from inbox_message i
                      where (i.ats_id, i.client_id) > (s.ats_id, s.client_id) and (i.ats_id, i.client_id) < (s.next_ats, s.next)
                      order by i.ats_id, i.client_id, i.id limit 1)
                    union all
                    (select i.client_id, gap.n + 1 from gap cross join lateral (
                       select i.client_id from inbox_message i
                        where (i.ats_id, i.client_id) > (s.ats_id, gap.client_id) and (i.ats_id, i.client_id) < (s.next_ats, s.next)
                        order by i.ats_id, i.client_id, i.id limit 1) i
                      where gap.n < $3))
                  select client_id from gap)) f) o
      where n <= $3)
   select l.ats_id, l.client_id, w.ats_id is not null as free
     from l
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
 * Read is what stands in the index from the lane's mark ($5) on, one by one: of a range the planner would expect a row or two, and
 * read and sort all of the lane, and without its end, go on through what is kept of the lanes behind it.
 */
export const CLAIM = queueStatement(
  `with due as (
     select m.ats_id, m.id
       from unnest($1::text[], $2::text[], $5::bigint[]) lane(ats_id, client_id, low)
       cross join lateral (
         with recursive oldest as (
           (select i.id, i.leased_until, i.available_at, 1 as n from inbox_message i
             where (i.ats_id, i.client_id, i.id) >= (lane.ats_id, lane.client_id, lane.low)
               and (i.ats_id, i.client_id) <= (lane.ats_id, lane.client_id)
             order by i.ats_id, i.client_id, i.id limit 1)
           union all
           (select i.id, i.leased_until, i.available_at, oldest.n + 1 from oldest cross join lateral (
              select i.id, i.leased_until, i.available_at from inbox_message i
               where (i.ats_id, i.client_id, i.id) > (lane.ats_id, lane.client_id, oldest.id)
                 and (i.ats_id, i.client_id) <= (lane.ats_id, lane.client_id)
               order by i.ats_id, i.client_id, i.id limit 1) i
             where oldest.n < $3))
         select lane.ats_id, id, n, lost, waiting, bool_or(leased) over () as busy, bool_or(lost or waiting) over (order by n) as halted
           from (select id, n, leased_until > now() as leased, leased_until > '-infinity' as lost, available_at > now() as waiting
                   from oldest) o) m
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
