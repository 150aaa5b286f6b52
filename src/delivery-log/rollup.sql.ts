import { queueStatement, statement } from '../database/database';

/** Classes of latency grow by so much: a percentile read from them is wrong by 10 % at the most. */
export const LATENCY_GROWTH = 1.2;

/** However fast attempts come in, no reader looks at more of them one by one. */
export const LIVE_TAIL = 5000;

const LATENCY = `ceil(ln(greatest(duration_ms, 1)) / ln(${LATENCY_GROWTH}))::smallint`;

/** The first 48 bits of a UUIDv7 are its milliseconds. */
const HOUR = `date_trunc('hour', to_timestamp(('x' || translate(left(id::text, 13), '-', ''))::bit(48)::bigint / 1000.0), 'UTC')`;

/** Whoever has the row rolls up; the others have nothing to do. */
export const TAKE_MARK = statement(
  'rollup_take_mark',
  'select rolled_before from delivery_rollup_mark for no key update skip locked',
);

export const MOVE_MARK = statement('rollup_move_mark', 'update delivery_rollup_mark set rolled_before = $1::uuid');

/**
 * Adds the attempts from $1 up to $2, which lie in the hour $3. Account by account, since the log has no index on time alone
 * and shall have none. Planned anew each time: only then are the days known that are passed over.
 */
export const ROLL = queueStatement(
  `insert into delivery_rollup as r (ats_id, hour, outcome, latency, attempts, last_id)
   select a.ats_id, $3::timestamptz, d.outcome, d.latency, d.attempts, d.last_id
     from account a cross join lateral (
       select outcome, ${LATENCY} as latency, count(*)::int as attempts, max(id::text collate "C")::uuid as last_id
         from delivery_attempt
        where ats_id = a.ats_id and id >= $1::uuid and id < $2::uuid and direction = 'outgoing' and not test
        group by 1, 2) d
   on conflict (ats_id, hour, outcome, latency) do update
      set attempts = r.attempts + excluded.attempts, last_id = excluded.last_id`,
);

/**
 * An account's attempts since $2, rolled up and not yet, in one snapshot: so each counts once, wherever the mark is. Where
 * more than ${LIVE_TAIL} are not rolled up, the newest of them count, and \`complete\` is false.
 */
export const FIGURES = statement(
  'rollup_figures',
  `with mark as materialized (
     select rolled_before from delivery_rollup_mark
   ), tail as materialized (
     select id, direction, outcome, duration_ms, test from delivery_attempt
      where ats_id = $1 and id >= (select rolled_before from mark) order by id desc limit ${LIVE_TAIL + 1}
   ), counted as (
     select hour, outcome, latency, attempts, last_id from delivery_rollup where ats_id = $1 and hour >= $2::timestamptz
     union all
     select ${HOUR}, outcome, ${LATENCY}, 1, id from tail where direction = 'outgoing' and not test)
   select hour, outcome, latency, sum(attempts)::int as attempts, max(last_id::text collate "C") as last_id,
          (select count(*) from tail) <= ${LIVE_TAIL} as complete
     from counted group by 1, 2, 3`,
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
