import { READER } from '../accounts/credential';
import { statement, type Statement } from '../database/database';
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
  const reader = `${READER} left join workspace w on w.ats_id = reader.ats_id and w.client_id = $3`;
  const columns = `w.ats_id is not null as provisioned, e.data, ${time('created_at')}, ${time('updated_at')}`;
  return {
    load: statement(
      `${name}_load`,
      `select e.ats_id, e.client_id, e.${id} as entity_id, e.data
         from ${keys} join ${name} e using (ats_id, client_id, ${id})`,
    ),
    exist: statement(
      `${name}_exist`,
      `select e.ats_id, e.client_id, e.${id} as entity_id from ${keys} join ${name} e using (ats_id, client_id, ${id})`,
    ),
    remove: statement(
      `${name}_remove`,
      `delete from ${name} e using ${keys}
        where e.ats_id = k.ats_id and e.client_id = k.client_id and e.${id} = k.${id}`,
    ),
    // The clock is read inside the workspace's lane, so a workspace's changes become visible in the order of updated_at.
    // The microseconds keep those of one batch apart, in their order.
    save: statement(
      `${name}_save`,
      `insert into ${name} (ats_id, client_id, ${id}, data, created_at, updated_at)
       select t.ats_id, t.client_id, t.${id}, t.data::json, t.at, t.at
         from (select k.*, clock_timestamp() + k.n * interval '1 microsecond' as at
                 from unnest($1::text[], $2::text[], $3::text[], $4::text[])
                      with ordinality k(ats_id, client_id, ${id}, data, n)) t
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

/** ISO 8601 with microseconds, since ETag and cursor must tell any two versions apart. */
function time(column: string): string {
  return `to_char(e.${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as ${column}`;
}
