import { queueStatement, statement } from '../database/database';

// How these statements find their rows, so that no estimate can lead astray (`docs/decisions.md`, "Speed"): a queue that was
// empty when it was last vacuumed is thought empty when it holds a million, and then all plans look equally cheap.
//
// Rows to be changed are never joined. Their ids stand in an array, for the primary key, and the pairs that say which of them
// are meant in a hash: `is true` keeps it from being made a join after all. The list of accounts beside them is for a router
// (docs/scaling.md), and `collate "default"` keeps the indexes that begin with the account from using it. For the oldest of an
// entity the account has `collate "POSIX"`, which only the index of entities has, and the range of pairs and its order keep the
// primary key out.

/**
 * Stores results and queues them, in the order given: messages of one entity are delivered in the order of their ids.
 *
 * Each account's results get the next positions of its feed. The counter's row stays locked until the commit, so whoever
 * takes later positions commits later: a reader who sees one sees every one before it. A rollback takes its positions
 * back. Lanes are locked before counters, counters in the order of their accounts, and nothing is locked behind them, so
 * they close no circle.
 *
 * A result that is only `reserved` has its place in the queue and nothing else: its message is held, parked and leased for
 * ever, so that whatever comes later for its entity waits behind it, and no claim, waking or expiry takes it for its own.
 * When it is `completed`, its message becomes due.
 */
export const APPEND = statement(
  'outbox_append',
  `with t as (
     select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $9::text[])
       with ordinality as t(reference_id, ats_id, client_id, event, status, body, entity_key, step, n)
   ), ready as (
     select * from t where step <> 'reserved'
   ), counted as (
     insert into event_feed as f (ats_id, last_position)
     select ats_id, count(*) from ready group by ats_id order by ats_id collate "C"
     on conflict (ats_id) do update set last_position = f.last_position + excluded.last_position
     returning ats_id, last_position
   ), stored as (
     insert into result_event (reference_id, ats_id, client_id, event, status, body, created_at, position)
     select t.reference_id, t.ats_id, t.client_id, t.event, t.status, t.body, $8::timestamptz,
            c.last_position - count(*) over account + row_number() over (account order by t.n)
       from ready t join counted c on c.ats_id = t.ats_id
     window account as (partition by t.ats_id)
   ), due as (
     update outbox_message m set available_at = now(), leased_until = '-infinity'
      where m.ats_id collate "default" = any($2::text[]) and m.id = any(array(
              select o.id from t cross join lateral (
                select o.id from outbox_message o
                 where o.ats_id = t.ats_id collate "POSIX" and o.entity_key = t.entity_key
                   and o.reference_id = t.reference_id limit 1) o
               where t.step = 'completed')))
   insert into outbox_message (ats_id, entity_key, reference_id, available_at, leased_until)
   select ats_id, entity_key, reference_id,
          case step when 'reserved' then 'infinity' else now() end,
          case step when 'reserved' then 'infinity'::timestamptz else '-infinity' end
     from t where step <> 'completed' order by n`,
);

/**
 * The accounts with messages behind $1, at most $2 of them, and where the due ones may be sent: leaps from account to account in
 * the index, 2 ms for 100 accounts among a million rows. No `exists` in it: that may become a hash of all that is due.
 *
 * $3 and $4 name accounts and how early their messages can be due, as a look at them before has told (`low` of its answer). Their
 * index entries before that are not looked at: while anybody holds a snapshot, those of delivered messages stay, and
 * 70,000 of them made a look 70 times dearer. Between the named accounts, and behind the last as far as $5, all is looked at.
 */
export const DUE_ACCOUNTS = queueStatement(
  `with start as materialized (
     select ats_id, low, lead(ats_id, 1, $5::text) over (order by ats_id) as next
       from (select $1::text collate "C" as ats_id, null::timestamptz as low
             union all select * from unnest($3::text[], $4::timestamptz[])) n
   ), k as materialized (
     select found.*
       from start s
       cross join lateral (
         select s.ats_id, (select o.available_at from outbox_message o
                            where (o.ats_id, o.available_at, o.id) >= (s.ats_id, s.low, 0) and o.ats_id <= s.ats_id
                            order by o.ats_id, o.available_at, o.id limit 1) as first
          where s.low is not null
         union all
         (with recursive gap as (
            (select o.ats_id, o.available_at, 1 as n from outbox_message o
              where o.ats_id > s.ats_id and o.ats_id < s.next order by o.ats_id, o.available_at, o.id limit 1)
            union all
            (select o.ats_id, o.available_at, gap.n + 1 from gap cross join lateral (
               select o.ats_id, o.available_at from outbox_message o
                where o.ats_id > gap.ats_id and o.ats_id < s.next order by o.ats_id, o.available_at, o.id limit 1) o
              where gap.n < $2))
          select ats_id, available_at from gap)) found
      order by ats_id limit $2)
   select k.ats_id, e.url, e.failures_in_row > 0 as failing, e.breaker_pause_ms > 0 as probing,
          (select json_agg(json_build_object('id', s.id, 'sealed', encode(s.sealed, 'base64'))
                           order by s.id = e.trusted_secret_id, s.expires_at nulls last, s.id)
             from account_secret s
            where s.ats_id = k.ats_id and s.direction = 'outgoing'
              and (s.expires_at is null or s.expires_at > now())) as secrets,
          k.first is not null as queued, least(k.first, now() - interval '1 s') as low
     from k
     left join account a on a.ats_id = k.ats_id and a.enabled
     left join endpoint e on e.ats_id = a.ats_id and e.disabled_at is null
          and e.paused_until <= now() and e.rest_until <= now() and e.probe_until <= now() and k.first <= now()
    order by k.ats_id`,
);

/**
 * Claims due messages round the accounts: the first of each account before the second of any. Each account's scan is
 * bounded by its free slots and 4 more, since every row that it looks at is locked; without the bound, 100,000 messages of
 * one entity made a claim 230 times dearer. $3 is where the scan of an account may begin: it skips index entries that are
 * dead but not cleaned away yet. The endpoints are looked at again: the answer that made a message due once more may have
 * closed them since the accounts were read.
 *
 * The scan's bounds are tuples that begin with the account, as its order does, so that the planner follows the index until it
 * has enough. Of an equality and a range it expects a row or two, and reads and sorts all that the account has due.
 *
 * Returns the messages claimed, and with a null attempt those that were due but stand behind an older one of their
 * entity: they are to be parked, or they would fill the bounded scan for ever.
 */
export const CLAIM = queueStatement(
  `with a as materialized (
     select a.* from unnest($1::text[], $2::int[], $3::timestamptz[]) a(ats_id, free, low)
       join endpoint e on e.ats_id = a.ats_id and e.disabled_at is null and e.paused_until <= now() and e.rest_until <= now()
   ), w as materialized (
     select a.ats_id, a.free, o.id, o.entity_key, o.available_at
       from a
       cross join lateral (
         select o.id, o.entity_key, o.available_at from outbox_message o
          where (o.ats_id, o.available_at, o.id) >= (a.ats_id, a.low, 0) and (o.ats_id, o.available_at) <= (a.ats_id, now())
            and o.leased_until <= now()
          order by o.ats_id, o.available_at, o.id limit a.free + 4
            for no key update skip locked) o
   ), judged as materialized (
     select w.*, w.id <> (select o.id from outbox_message o
                           where o.ats_id = w.ats_id collate "POSIX" and (o.entity_key, o.id) >= (w.entity_key, 0)
                           order by o.entity_key, o.id limit 1) as blocked
       from w
   ), due as (
     select ats_id, id
       from (select ats_id, id, free, row_number() over (partition by ats_id order by available_at, id) as n
               from judged where not blocked) d
      where n <= free order by n limit $4
   ), claimed as (
     update outbox_message m set attempt = m.attempt + 1, leased_until = now() + $5::int * interval '1 ms'
      where m.ats_id collate "default" = any($1::text[]) and m.id = any(array(select id from due))
        and ((m.ats_id, m.id) in (select ats_id, id from due)) is true
     returning m.id, m.attempt, m.failures, m.ats_id, m.entity_key, m.reference_id, m.available_at)
   select c.id, c.attempt, c.failures, c.ats_id, c.entity_key, c.reference_id, c.available_at, e.event, e.body
     from claimed c
     cross join lateral (
       select event, body from result_event e
        where e.ats_id = c.ats_id collate "default" and e.reference_id = c.reference_id
       union all
       select event, body from kept_event e
        where e.ats_id = c.ats_id and e.reference_id = c.reference_id
       limit 1) e
   union all
   select id, null, null, ats_id, null, null, null, null, null from judged where blocked`,
);

/**
 * Puts messages to sleep behind an older one of their entity. The older one is held while they fall asleep: whoever
 * removes it then waits, and wakes them afterwards. One that is being removed already is passed over, and with it those
 * behind it: its removal may have looked for sleepers before.
 */
export const PARK = queueStatement(
  `with b as (
     select ats_id, id, entity_key from outbox_message
      where ats_id collate "default" = any($1::text[]) and id = any(array(select unnest($2::bigint[])))
        and available_at < 'infinity'
      order by id for no key update skip locked
   ), pair as (
     select b.ats_id, b.id, h.id as head from b cross join lateral (
       select o.id from outbox_message o
        where o.ats_id = b.ats_id collate "POSIX" and (o.entity_key, o.id) >= (b.entity_key, 0)
        order by o.entity_key, o.id limit 1) h
      where h.id < b.id
   ), held as (
     select ats_id, id from outbox_message
      where ats_id collate "default" = any($1::text[]) and id = any(array(select head from pair)) for key share skip locked
   ), sleeper as (
     select ats_id, id from pair where ((ats_id, head) in (select ats_id, id from held)) is true)
   update outbox_message m set available_at = 'infinity'
    where m.ats_id collate "default" = any($1::text[]) and m.id = any(array(select id from sleeper))
      and ((m.ats_id, m.id) in (select ats_id, id from sleeper)) is true
   returning m.id`,
);

/**
 * Ends attempts: delivered and dead messages leave the queue, the others are due again after their wait. Only rows still
 * claimed under the attempt change, and only for those is the attempt logged. Returns them, and whether they left.
 *
 * A settling whose commit went unheard is simply repeated: a row that it kept has no lease any more.
 */
export const SETTLE = queueStatement(
  `with s as (
     select * from unnest(
       $1::bigint[], $2::int[], $3::text[], $4::int[], $5::uuid[], $6::smallint[], $7::text[], $8::smallint[],
       $9::text[], $10::int[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::bool[], $17::text[])
       as s(id, attempt, verdict, wait_ms, attempt_id, number, outcome, status_code,
            error, duration_ms, signature, request_headers, response_headers, response_body, event, counted, ats_id)
   ), gone as (
     delete from outbox_message m
      where m.ats_id collate "default" = any($17::text[])
        and m.id = any(array(select id from s where verdict in ('delivered', 'dead')))
        and ((m.ats_id, m.id, m.attempt) in (select ats_id, id, attempt from s where verdict in ('delivered', 'dead'))) is true
     returning m.id, m.attempt, m.ats_id, m.entity_key, m.reference_id
   ), again as materialized (
     select * from s where verdict = 'retry'
   ), kept as (
     update outbox_message m
        set leased_until = '-infinity',
            (failures, available_at) = (
              select m.failures + s.counted::int, now() + s.wait_ms * interval '1 ms' from again s
               where s.id = m.id and s.attempt = m.attempt and s.ats_id = m.ats_id)
      where m.ats_id collate "default" = any($17::text[]) and m.id = any(array(select id from again))
        and ((m.ats_id, m.id, m.attempt) in (select ats_id, id, attempt from again)) is true
        and m.leased_until > '-infinity'
     returning m.id, m.attempt, m.ats_id, m.reference_id, m.available_at
   ), dead as materialized (
     select id, attempt, number from s where verdict = 'dead'
   ), died as (
     insert into dead_message (reference_id, ats_id, entity_key, failures, state)
     select g.reference_id, g.ats_id, g.entity_key, dead.number, 'dead' from gone g join dead using (id, attempt)
     on conflict (reference_id) do update set failures = excluded.failures, state = 'dead', at = now()
   ), logged as (
     insert into delivery_attempt
       (id, ats_id, reference_id, direction, event, number, outcome, status_code, error, duration_ms, next_attempt_at,
        signature, request_headers, response_headers, response_body)
     select s.attempt_id, r.ats_id, r.reference_id, 'outgoing', s.event, s.number, s.outcome, s.status_code, s.error,
            s.duration_ms, r.available_at, s.signature, s.request_headers::json, s.response_headers::json, s.response_body
       from s join (select id, attempt, ats_id, reference_id, null::timestamptz as available_at from gone
                    union all select id, attempt, ats_id, reference_id, available_at from kept) r using (id, attempt))
   select id, attempt, ats_id, entity_key, true as gone from gone
   union all select id, attempt, ats_id, null, false from kept`,
);

/**
 * Wakes the oldest sleeper of each entity, unless that is held: what stands behind it is woken when it leaves. It must be a
 * later statement than the removal, in its transaction: only then does its snapshot hold what fell asleep while the removal
 * waited. The first eight suffice: those before the sleeper are awake, and no more than a few of one entity are ever removed
 * at the same moment.
 */
export const WAKE = queueStatement(
  `with head as materialized (
     select h.ats_id, h.id
       from (select distinct k.ats_id, k.entity_key from unnest($1::text[], $2::text[]) k(ats_id, entity_key)) k
       cross join lateral (
         select p.ats_id, p.id
           from (select o.ats_id, o.id, o.available_at from outbox_message o
                  where o.ats_id = k.ats_id collate "POSIX" and (o.entity_key, o.id) >= (k.entity_key, 0)
                    and o.entity_key <= k.entity_key
                  order by o.entity_key, o.id limit 8) p
          where p.available_at = 'infinity' order by p.id limit 1) h)
   update outbox_message m set available_at = now()
    where m.ats_id collate "default" = any($1::text[]) and m.id = any(array(select id from head))
      and ((m.ats_id, m.id) in (select ats_id, id from head)) is true
      and m.available_at = 'infinity' and m.leased_until < 'infinity'`,
);

/** Back as if never claimed: nothing was judged. */
export const RELEASE = queueStatement(
  `with s as (select * from unnest($1::text[], $2::bigint[], $3::int[]) s(ats_id, id, attempt))
   update outbox_message m set leased_until = '-infinity'
    where m.ats_id collate "default" = any($1::text[]) and m.id = any(array(select id from s))
      and ((m.ats_id, m.id, m.attempt) in (select ats_id, id, attempt from s)) is true`,
);

/** Finds sleepers behind nobody, which the rules of parking and waking should make impossible. */
export const SWEEP = queueStatement(
  `update outbox_message m set available_at = now()
    where m.available_at = 'infinity' and m.leased_until < 'infinity'
      and m.id = (select o.id from outbox_message o
                   where o.ats_id = m.ats_id collate "POSIX" and (o.entity_key, o.id) >= (m.entity_key, 0)
                   order by o.entity_key, o.id limit 1)
   returning m.reference_id`,
);

/** Takes away messages that waited too long, a few at a time; their successors, which are younger, stay. */
export const EXPIRE = queueStatement(
  `delete from outbox_message where id = any(array(
     select id from outbox_message where queued_at < $1::timestamptz and leased_until <= now() limit $2
        for update skip locked))
   returning ats_id, entity_key`,
);
