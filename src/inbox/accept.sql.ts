import { statement } from '../database/database';

/**
 * Accepts a group of writes in one statement, hence one commit and one fsync. What a cache said about the caller may be
 * stale, so key, secret, enabled flag and gate are judged here again, in the snapshot that also writes.
 *
 * Idempotency keys go in key order, so that two groups that share keys wait for each other instead of deadlocking.
 * Messages go in the order of the group: within a workspace they are processed in the order of their ids.
 */
export const ACCEPT = statement('inbox_accept', accept(''));

/**
 * The same for a group in which a write names an uploaded file: the file is reserved for the first that does. Whatever
 * holds such a row at this moment settles what becomes of the file, so nobody waits for it: what stays unreserved is
 * judged when the write is processed. A statement of its own, because the usual group would pay for nothing: 70 µs
 * when it is one write, 110 µs when it is twenty, an eighth of the whole.
 */
export const ACCEPT_WITH_FILES = statement(
  'inbox_accept_with_files',
  accept(`, named as (
     select distinct on (u.carv_file_id) u.ats_id, u.carv_file_id, w.reference_id, f.entity, w.entity_id
       from unnest($17::uuid[], $18::text[]) with ordinality f(carv_file_id, entity, n)
       join fresh w using (n)
       join upload u on u.carv_file_id = f.carv_file_id and u.ats_id = w.ats_id and u.client_id = w.client_id
      order by u.carv_file_id, n
   ), free as materialized (
     select carv_file_id from upload
      where (ats_id, carv_file_id) in (select ats_id, carv_file_id from named)
        and state = 'stored' and reserved_by is null and expires_at > now()
      order by carv_file_id for no key update skip locked
   ), reserved as (
     update upload u
        set reserved_by = named.reference_id, entity = named.entity, entity_id = named.entity_id, sweep_at = null
       from named join free using (carv_file_id)
      where u.ats_id = named.ats_id and u.carv_file_id = named.carv_file_id
   )`),
);

function accept(reserve: string): string {
  return `with t as (
     select * from unnest(
       $1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
       $9::bytea[], $10::bigint[], $11::text[], $12::bytea[], $13::uuid[], $14::text[], $15::text[], $16::int[]
     ) with ordinality as t(
       reference_id, ats_id, client_id, user_id, source, event, entity_id, payload,
       api_key_hash, secret_id, key, fingerprint, attempt_id, signature, request_headers, duration_ms, n)
   ), judged as materialized (
     select t.*, case
         when a.ats_id is null then 'unauthorized'
         when w.ats_id is null and t.event <> 'workspace.created' then 'unprovisioned'
         else 'accepted' end as verdict
       from t
       left join account a on a.ats_id = t.ats_id and a.enabled
        and (t.api_key_hash is null or a.api_key_hash = t.api_key_hash)
        and (t.secret_id is null or exists (
              select from account_secret s
               where s.id = t.secret_id and s.ats_id = t.ats_id and s.direction = 'incoming'
                 and (s.expires_at is null or s.expires_at > now())))
       left join workspace w on w.ats_id = t.ats_id and w.client_id = t.client_id
   ), bound as (
     insert into idempotency_key (ats_id, client_id, source, key, fingerprint, reference_id)
     select ats_id, client_id, source, key, fingerprint, reference_id from judged
      where verdict = 'accepted' and key is not null
      order by ats_id, client_id, source, key
     on conflict do nothing
     returning reference_id
   ), fresh as materialized (
     select * from judged
      where verdict = 'accepted' and (key is null or reference_id in (select reference_id from bound))
   ), gate as (
     insert into workspace (ats_id, client_id)
     select distinct ats_id, client_id from fresh where event = 'workspace.created' order by ats_id, client_id
     on conflict do nothing
   ), stored as (
     insert into flow (reference_id, ats_id, client_id, user_id, source, event, entity_id, payload)
     select reference_id, ats_id, client_id, user_id, source, event, entity_id, payload::json from fresh
   ), logged as (
     insert into delivery_attempt
       (id, ats_id, reference_id, direction, event, number, outcome, status_code, duration_ms, signature, request_headers)
     select attempt_id, ats_id, reference_id, 'incoming', event, 1, 'success', 202, duration_ms, signature, request_headers::json
       from fresh where attempt_id is not null
   ), queued as (
     insert into inbox_message (ats_id, client_id, reference_id)
     select ats_id, client_id, reference_id from fresh order by n
   )${reserve}
   select case when j.verdict = 'accepted' and f.n is null then 'repeated' else j.verdict end as verdict
     from judged j left join fresh f using (n) order by j.n`;
}

export type Verdict = 'accepted' | 'repeated' | 'unauthorized' | 'unprovisioned';

/**
 * What an idempotency key is bound to. A statement of its own: the one that met the conflict cannot see the row,
 * which was committed after its snapshot.
 */
export const BOUND_TO = statement(
  'inbox_bound_to',
  `select t.n::int - 1 as index, k.reference_id, k.fingerprint
     from unnest($1::text[], $2::text[], $3::text[], $4::text[]) with ordinality as t(ats_id, client_id, source, key, n)
     join idempotency_key k using (ats_id, client_id, source, key)`,
);
