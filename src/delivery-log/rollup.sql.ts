import { queueStatement, statement } from '../database/database';

/** Classes of latency grow by so much: a percentile read from them is wrong by 10 % at the most. */
export const LATENCY_GROWTH = 1.2;
/** The last one is for what takes longer than any timeout that may be set. */
const LAST_CLASS = 62;

/** However fast attempts come in, no reader looks at more of them one by one. */
const LIVE_TAIL = 2000;

const LATENCY = `least(ceil(ln(greatest(duration_ms, 1)) / ln(${LATENCY_GROWTH})), ${LAST_CLASS})::int`;

/** Hours since 1970: the first 48 bits of a UUIDv7 are its milliseconds. */
const HOUR = `('x' || translate(left(id::text, 13), '-', ''))::bit(48)::bigint / 3600000`;

/** Attempts counted by outcome and class of latency; ids made one after the other sort so as text. */
const COUNTS = `outcome, ${LATENCY} as latency, count(*)::int as attempts, max(id::text collate "C") as last_id`;

/** An hour's row of the rollup, from its counts. */
const HOURS = `
  select to_timestamp(hour * 3600) as hour,
         coalesce(sum(attempts) filter (where outcome = 'success'), 0)::int as success,
         coalesce(sum(attempts) filter (where outcome = 'failure'), 0)::int as failure,
         coalesce(sum(attempts) filter (where outcome = 'error'), 0)::int as error,
         (select array_agg(coalesce(l.attempts, 0) order by n)
            from generate_series(0, ${LAST_CLASS}) n
            left join (select latency, sum(attempts)::int as attempts from counted c
                        where c.hour = h.hour and outcome <> 'error' group by 1) l on l.latency = n) as latencies,
         (max(last_id) filter (where outcome = 'success'))::uuid as last_success_id,
         (max(last_id) filter (where outcome <> 'success'))::uuid as last_failure_id
    from counted h group by hour`;

/** Whoever has the row rolls up; the others have nothing to do. */
export const TAKE_MARK = statement(
  'rollup_take_mark',
  'select rolled_before from delivery_rollup_mark for no key update skip locked',
);

export const MOVE_MARK = statement('rollup_move_mark', 'update delivery_rollup_mark set rolled_before = $1::uuid');

/**
 * Adds the attempts from $1 up to $2, which lie in the hour $3 since 1970. Account by account, since the log has no index on
 * time alone and shall have none. Planned anew each time: only then are the days known that are passed over.
 */
export const ROLL = queueStatement(
  `insert into delivery_rollup as r
     (ats_id, hour, success, failure, error, latencies, last_success_id, last_failure_id)
   select a.ats_id, d.*
     from account a cross join lateral (
       with counted as materialized (
         select $3::bigint as hour, ${COUNTS} from delivery_attempt
          where ats_id = a.ats_id and id >= $1::uuid and id < $2::uuid and direction = 'outgoing' and not test
          group by outcome, latency)
       ${HOURS}) d
   on conflict (ats_id, hour) do update
      set success = r.success + excluded.success, failure = r.failure + excluded.failure,
          error = r.error + excluded.error,
          latencies = (select array_agg(one + other order by n)
                         from unnest(r.latencies, excluded.latencies) with ordinality t(one, other, n)),
          last_success_id = coalesce(excluded.last_success_id, r.last_success_id),
          last_failure_id = coalesce(excluded.last_failure_id, r.last_failure_id)`,
);

/**
 * An account's hours since $2, what is rolled up and what is not yet, in one snapshot: so each attempt counts once, wherever
 * the mark is. Where more than ${LIVE_TAIL} are not rolled up, the newest of them count, and \`complete\` is false.
 *
 * The limit comes from a row, so that the planner does not know it: a known one, greater than what it expected to find, led
 * it to read all of the tail and to sort it.
 */
export const FIGURES = statement(
  'rollup_figures',
  `with mark as materialized (
     select rolled_before from delivery_rollup_mark
   ), tail as materialized (
     select t.* from unnest(array[${LIVE_TAIL + 1}]) n(most) cross join lateral (
       select id, direction, outcome, duration_ms, test from delivery_attempt
        where ats_id = $1 and id >= (select rolled_before from mark) order by id desc limit n.most) t
   ), counted as materialized (
     select ${HOUR} as hour, ${COUNTS} from tail where direction = 'outgoing' and not test
      group by 1, outcome, latency
   ), hours as (
     select hour, success, failure, error, latencies, last_success_id, last_failure_id
       from delivery_rollup where ats_id = $1 and hour >= $2::timestamptz
     union all ${HOURS})
   select hour, success, failure, error, array_to_json(latencies) as latencies, last_success_id, last_failure_id,
          (select count(*) from tail) <= ${LIVE_TAIL} as complete
     from hours order by hour`,
);

/** One attempt, for its reason. */
export const ATTEMPT = statement(
  'rollup_attempt',
  'select reference_id, event, status_code, error from delivery_attempt where ats_id = $1 and id = $2',
);

/** By accounts, so that it need not look through what stays. */
export const EXPIRE = statement(
  'rollup_expire',
  `delete from delivery_rollup r using account a where r.ats_id = a.ats_id and r.hour < $1::timestamptz`,
);
