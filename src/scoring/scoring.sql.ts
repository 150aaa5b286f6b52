import { statement } from '../database/database';

// `collate "default"` where a row is named by its `ats_id` beside its key: see `inbox/claim.sql.ts`.

/**
 * Asks for the scores of applications just created, in the transaction that created them. What tells an application from
 * a later one of its id is when it was created; one that is gone already ($6 false) has its score in its result only.
 */
export const RESERVE = statement(
  'scoring_reserve',
  `insert into scoring_task
     (reference_id, ats_id, client_id, application_id, application_created_at, data, callback_token, deadline_at)
   select t.reference_id, t.ats_id, t.client_id, t.application_id, a.created_at, t.data::json, t.callback_token,
          statement_timestamp() + $8::int * interval '1 ms'
     from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bool[], $7::text[])
          t(reference_id, ats_id, client_id, application_id, data, present, callback_token)
     left join application a on t.present and a.ats_id = t.ats_id and a.client_id = t.client_id
          and a.application_id = t.application_id`,
);

/**
 * Claims at most $1 due tasks round the accounts, beginning behind the account $2: the first of each before the second of
 * any. An account in $3 has so many under way as $4 says, and at most $5. A lease ends soon after the deadline, so that a
 * task whose worker died then is finished all the same.
 */
export const CLAIM = statement(
  'scoring_claim',
  `with recursive account as (
     (select ats_id from scoring_task order by ats_id limit 1)
     union all
     select (select t.ats_id from scoring_task t where t.ats_id > a.ats_id order by t.ats_id limit 1)
       from account a where a.ats_id is not null
   ), due as materialized (
     select d.reference_id, d.ats_id, row_number() over (partition by d.ats_id order by d.reference_id) as n
       from account a
       left join unnest($3::text[], $4::int[]) busy(ats_id, tasks) using (ats_id)
       cross join lateral (
         select t.reference_id, t.ats_id from scoring_task t
          where t.ats_id = a.ats_id and t.available_at <= now() and t.leased_until <= now()
          order by t.available_at, t.reference_id limit greatest(0, $5::int - coalesce(busy.tasks, 0))
            for no key update skip locked) d
      where a.ats_id is not null
   ), chosen as (
     select ats_id, reference_id, row_number() over (order by n, ats_id <= $2, ats_id) as place
       from due order by place limit $1
   ), claimed as (
     update scoring_task t
        set attempt = t.attempt + 1,
            leased_until = least(now() + $6::int * interval '1 ms',
                                 greatest(now(), t.deadline_at) + $7::int * interval '1 ms')
       from chosen c where t.ats_id = c.ats_id collate "default" and t.reference_id = c.reference_id
     returning t.*, c.place)
   select reference_id, ats_id, client_id, application_id, data, callback_token, answer, last_fault, attempt, failures,
          (extract(epoch from deadline_at - now()) * 1000)::int as remaining_ms
     from claimed order by place`,
);

/** Back as if never claimed. */
export const RELEASE = statement(
  'scoring_release',
  `update scoring_task set leased_until = '-infinity'
    where ats_id = $1 collate "default" and reference_id = $2 and attempt = $3`,
);

/** Due again after $4 ms, or at the deadline if that is sooner; at once when a callback has come meanwhile. */
export const RETRY = statement(
  'scoring_retry',
  `update scoring_task
      set leased_until = '-infinity', failures = failures + 1, last_fault = $5,
          available_at = case when answer is null then least(now() + $4::int * interval '1 ms', deadline_at) else now() end
    where ats_id = $1 collate "default" and reference_id = $2 and attempt = $3`,
);

/** The score comes by a callback, which may be here already, or the deadline does. */
export const AWAIT = statement(
  'scoring_await',
  `update scoring_task
      set leased_until = '-infinity', available_at = case when answer is null then deadline_at else now() end
    where ats_id = $1 collate "default" and reference_id = $2 and attempt = $3`,
);

/** Keeps what a callback brought, once; it wakes the task unless its worker is at it, which will find it. */
export const ANSWER = statement(
  'scoring_answer',
  `update scoring_task set answer = $3::json, available_at = now()
    where reference_id = $1 and callback_token = $2 and answer is null and deadline_at > now()
   returning reference_id`,
);

/** Why no callback was kept: the token's task has its answer, or there is no such task. */
export const ANSWERED = statement(
  'scoring_answered',
  `select from scoring_task where reference_id = $1 and callback_token = $2 and answer is not null`,
);

/** The fence: only who holds the claim may finish the task. As text, since a Date would drop the microseconds. */
export const FINISH = statement(
  'scoring_finish',
  `delete from scoring_task where ats_id = $1 collate "default" and reference_id = $2 and attempt = $3
   returning application_created_at::text as application_created_at`,
);

/** The application, if it is still the one that was created then; within its lane nobody else changes it. */
export const LOAD_APPLICATION = statement(
  'scoring_load_application',
  `select data from application
    where ats_id = $1 and client_id = $2 and application_id = $3 and created_at = $4::timestamptz`,
);

/** Behind every change of the workspace's applications, as any other (`entities.sql.ts`): who pages by it sees the score come. */
export const SAVE_APPLICATION = statement(
  'scoring_save_application',
  `update application
      set data = $4::json,
          updated_at = interval '1 microsecond' +
                       greatest(clock_timestamp(), (select e.updated_at from application e
                                                     where e.ats_id = $1 and e.client_id = $2
                                                     order by e.updated_at desc, e.application_id desc limit 1))
    where ats_id = $1 and client_id = $2 and application_id = $3`,
);
