import { READER } from '../accounts/credential';
import { statement, type Statement } from '../database/database';
import { isoTime } from '../database/iso-time';
import type { EntityName } from './entity';

type Action = 'load' | 'exist' | 'remove' | 'save' | 'find' | 'list';

/** The tables have one shape, so the statements are written once; each entity's own are prepared under names of their own. */
export const SQL: Readonly<Record<EntityName, Readonly<Record<Action, Statement>>>> = {
  candidate: statements('candidate'),
  vacancy: statements('vacancy'),
  application: statements('application'),
};

function statements(name: EntityName): Record<Action, Statement> {
  const id = `${name}_id`;
  const keys = `unnest($1::text[], $2::text[], $3::text[]) k(ats_id, client_id, ${id})`;
  // The first at or behind the key, if it is the one: only the primary key has that order. Of an equality the planner knows,
  // while the table grows for the first time, no better than to read it whole, or all that its workspace changed.
  const at = `(select * from ${name} t where (t.ats_id, t.client_id, t.${id}) >= (k.ats_id, k.client_id, k.${id})
                order by t.ats_id, t.client_id, t.${id} limit 1)`;
  const same = `e.ats_id = k.ats_id and e.client_id = k.client_id and e.${id} = k.${id}`;
  const reader = `${READER} left join workspace w on w.ats_id = reader.ats_id and w.client_id = $3`;
  const columns = `w.ats_id is not null as provisioned, e.data, ${isoTime('e.created_at', 'created_at')}, ${isoTime('e.updated_at', 'updated_at')}`;
  return {
    load: statement(
      `${name}_load`,
      `select e.ats_id, e.client_id, e.${id} as entity_id, e.data from ${keys} cross join lateral ${at} e where ${same}`,
    ),
    exist: statement(
      `${name}_exist`,
      `select e.ats_id, e.client_id, e.${id} as entity_id from ${keys} cross join lateral ${at} e where ${same}`,
    ),
    remove: statement(
      `${name}_remove`,
      `delete from ${name} e using ${keys}
        where ${same}`,
    ),
    // The clock is read inside the workspace's lane, so a workspace's changes become visible in the order of updated_at.
    // It goes on behind the last change also when the database's clock stepped back, or a batch used up more microseconds
    // than have passed; the microseconds keep those of one batch apart, in their order.
    save: statement(
      `${name}_save`,
      `with k as (
         select * from unnest($1::text[], $2::text[], $3::text[], $4::text[])
           with ordinality k(ats_id, client_id, ${id}, data, n)
       ), lane as materialized (
         select l.ats_id, l.client_id,
                greatest(clock_timestamp(), (select e.updated_at from ${name} e
                                              where e.ats_id = l.ats_id and e.client_id = l.client_id
                                              order by e.updated_at desc, e.${id} desc limit 1)) as before
           from (select distinct ats_id, client_id from k) l)
       insert into ${name} (ats_id, client_id, ${id}, data, created_at, updated_at)
       select t.ats_id, t.client_id, t.${id}, t.data::json, t.at, t.at
         from (select k.*, lane.before + k.n * interval '1 microsecond' as at
                 from k join lane on lane.ats_id = k.ats_id and lane.client_id = k.client_id) t
       on conflict (ats_id, client_id, ${id})
       do update set data = excluded.data, updated_at = excluded.updated_at`,
    ),
    find: statement(
      `${name}_find`,
      `select ${columns} from ${reader}
         left join ${name} e on e.ats_id = w.ats_id and e.client_id = w.client_id and e.${id} = $4`,
    ),
    list: statement(
      `${name}_list`,
      `select ${columns} from ${reader}
         left join lateral (
           select * from ${name} e
            where e.ats_id = w.ats_id and e.client_id = w.client_id and (e.updated_at, e.${id}) > ($4::timestamptz, $5::text)
            order by e.updated_at, e.${id} limit $6) e on true`,
    ),
  };
}
