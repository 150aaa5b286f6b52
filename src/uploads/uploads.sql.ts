import { READER } from '../accounts/credential';
import { statement } from '../database/database';

/** A row before any byte of the file: whatever dies from now on, the sweeper finds what is left. */
export const BEGIN = statement(
  'uploads_begin',
  `with workspace as (
     select reader.ats_id, w.client_id from ${READER}
       left join workspace w on w.ats_id = reader.ats_id and w.client_id = $3
   ), begun as (
     insert into upload (carv_file_id, ats_id, client_id, state, sweep_at)
     select $4, ats_id, client_id, 'pending', now() + interval '1 hour' from workspace where client_id is not null)
   select client_id is not null as provisioned from workspace`,
);

/** The promise: from here on the file may be named, until it expires. */
export const COMPLETE = statement(
  'uploads_complete',
  `with completed as (
     update upload u
        set state = 'stored', file_name = $4, content_type = $5, file_size = $6, uploaded_at = now(),
            expires_at = now() + interval '72 hours', sweep_at = now() + interval '72 hours'
       from ${READER}
      where u.ats_id = reader.ats_id and u.carv_file_id = $3 and u.state = 'pending'
     returning u.uploaded_at, u.expires_at)
   select c.uploaded_at, c.expires_at from ${READER} left join completed c on true`,
);

/** For an upload that stored nothing yet. */
export const ABANDON = statement('uploads_abandon', `delete from upload where carv_file_id = $1 and state = 'pending'`);

/**
 * What is due: uploads that never ended, files that nobody named in time, files let go. From here on no write can name them;
 * should this process die, they are due again after $2 ms.
 */
export const TAKE_DUE = statement(
  'uploads_take_due',
  `with due as (
     select carv_file_id from upload where sweep_at <= now() order by sweep_at limit $1 for update skip locked)
   update upload u set state = 'released', sweep_at = now() + $2::int * interval '1 ms'
     from due where u.carv_file_id = due.carv_file_id
   returning u.carv_file_id`,
);

/** Once the files are gone. In order and without waiting: a write that is being applied may look at these very rows. */
export const FORGET = statement(
  'uploads_forget',
  `with gone as (
     select carv_file_id from upload where carv_file_id = any($1::uuid[]) and state = 'released'
      order by carv_file_id for update skip locked)
   delete from upload u using gone where u.carv_file_id = gone.carv_file_id`,
);

/** Held until the transaction ends: an accept that meets such a row passes it over. */
export const LOAD_NAMED = statement(
  'uploads_load_named',
  `select u.carv_file_id, u.ats_id, u.client_id, u.expires_at <= now() as expired,
          u.reserved_by, u.entity, u.entity_id, u.bound
     from upload u
     join (select distinct * from unnest($1::uuid[], $2::text[], $3::text[])) k(carv_file_id, ats_id, client_id)
       using (carv_file_id, ats_id, client_id)
    where u.state = 'stored'
    order by u.carv_file_id
      for no key update of u`,
);

/** What is released is due for the sweeper at once, and what is free again when it would have been. */
export const SETTLE_NAMED = statement(
  'uploads_settle_named',
  `update upload u
      set state = s.state, reserved_by = s.reserved_by, entity = s.entity, entity_id = s.entity_id, bound = s.bound,
          sweep_at = case when s.state = 'released' then now() when s.reserved_by is null then u.expires_at end
     from unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::text[], $6::boolean[], $7::text[])
          s(carv_file_id, state, reserved_by, entity, entity_id, bound, ats_id)
    where u.ats_id = s.ats_id and u.carv_file_id = s.carv_file_id`,
);
