import { READER } from '../accounts/credential';
import { statement } from '../database/database';
import { isoTime } from '../database/iso-time';

/**
 * An administrator that is not given stays as it was. An account's workspaces are listed in the order of `updated_at`,
 * but change in many lanes: so the account's clock goes forward under a lock that is held to the commit, also when the
 * database's own steps back. Lanes are locked before it; counters of events after it.
 */
export const SAVE = statement(
  'workspaces_save',
  `with t as (
     select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
       with ordinality as t(ats_id, client_id, name, admin_name, admin_email, n)
   ), ticked as (
     insert into workspace_clock as c (ats_id, at, changes)
     select ats_id, clock_timestamp() + count(*) * interval '1 microsecond', count(*)
       from t group by ats_id order by ats_id collate "C"
     on conflict (ats_id) do update
       set at = greatest(clock_timestamp(), c.at) + excluded.changes * interval '1 microsecond', changes = excluded.changes
     returning ats_id, at - changes * interval '1 microsecond' as before)
   insert into workspace as w (ats_id, client_id, name, admin_name, admin_email, provisioned_at, updated_at)
   select ats_id, client_id, name, admin_name, admin_email, at, at
     from (select t.*, c.before + row_number() over (partition by t.ats_id order by n) * interval '1 microsecond' as at
             from t join ticked c on c.ats_id = t.ats_id) t
   on conflict (ats_id, client_id) do update
     set name = excluded.name, admin_name = coalesce(excluded.admin_name, w.admin_name),
         admin_email = coalesce(excluded.admin_email, w.admin_email),
         provisioned_at = coalesce(w.provisioned_at, excluded.provisioned_at), updated_at = excluded.updated_at`,
);

/** The gate, as the accepting of a provisioning opens it. */
export const OPEN = statement(
  'workspaces_open',
  `insert into workspace (ats_id, client_id) select * from unnest($1::text[], $2::text[]) t order by 1, 2
   on conflict do nothing`,
);

export const SAVE_MEMBERS = statement(
  'workspaces_save_members',
  `insert into member (ats_id, client_id, user_id, name, email)
   select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
   on conflict (ats_id, client_id, user_id) do update
     set name = excluded.name, email = excluded.email, updated_at = clock_timestamp()`,
);

const COLUMNS = `w.client_id, w.name, w.admin_name, w.admin_email,
          ${isoTime('w.provisioned_at', 'created_at')}, ${isoTime('w.updated_at', 'updated_at')}`;

export const FIND = statement(
  'workspaces_find',
  `select ${COLUMNS}
     from ${READER}
     left join workspace w on w.ats_id = reader.ats_id and w.client_id = $3 and w.provisioned_at is not null`,
);

export const LIST = statement(
  'workspaces_list',
  `select ${COLUMNS}
     from ${READER}
     left join lateral (
       select * from workspace w
        where w.ats_id = $1 and w.provisioned_at is not null and (w.updated_at, w.client_id) > ($3::timestamptz, $4::text)
        order by w.updated_at, w.client_id limit $5) w on true
    order by w.updated_at, w.client_id`,
);
