import { Injectable } from '@nestjs/common';
import { READER, readerColumns, type Caller } from '../accounts/credential';
import { Database, REQUEST_DEADLINE_MS, statement, type Tx } from '../database/database';
import type { Page } from '../http/page';
import type { Profile } from './candidate.dto';

/** Which candidate, inside which workspace of which account. */
export interface CandidateKey {
  readonly atsId: string;
  readonly clientId: string;
  readonly entityId: string;
}

/** As reads see it; times as ISO 8601 with microseconds, since ETag and cursor must tell any two versions apart. */
export interface StoredCandidate {
  readonly data: Profile;
  readonly created_at: string;
  readonly updated_at: string;
}

/** `unauthorized` and `unprovisioned` are judged in the statement that reads. */
export type Found<T> = 'unauthorized' | 'unprovisioned' | T;

const TIME = (column: string): string =>
  `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as ${column.slice(2)}`;

const KEYS = 'unnest($1::text[], $2::text[], $3::text[]) k(ats_id, client_id, candidate_id)';

const LOAD = statement(
  'candidates_load',
  `select c.ats_id, c.client_id, c.candidate_id, c.data from ${KEYS} join candidate c using (ats_id, client_id, candidate_id)`,
);

const REMOVE = statement(
  'candidates_remove',
  `delete from candidate c using ${KEYS}
    where c.ats_id = k.ats_id and c.client_id = k.client_id and c.candidate_id = k.candidate_id`,
);

/**
 * The clock is read inside the workspace's lane, so a workspace's changes become visible in the order of updated_at. The
 * microseconds keep those of one batch apart, in their order.
 */
const SAVE = statement(
  'candidates_save',
  `insert into candidate (ats_id, client_id, candidate_id, data, created_at, updated_at)
   select t.ats_id, t.client_id, t.candidate_id, t.data::json, t.at, t.at
     from (select k.*, clock_timestamp() + k.n * interval '1 microsecond' as at
             from unnest($1::text[], $2::text[], $3::text[], $4::text[])
                  with ordinality k(ats_id, client_id, candidate_id, data, n)) t
   on conflict (ats_id, client_id, candidate_id)
   do update set data = excluded.data, updated_at = excluded.updated_at`,
);

const FIND = statement(
  'candidates_find',
  `select w.ats_id is not null as provisioned, c.data, ${TIME('c.created_at')}, ${TIME('c.updated_at')}
     from ${READER}
     left join workspace w on w.ats_id = reader.ats_id and w.client_id = $3
     left join candidate c on c.ats_id = w.ats_id and c.client_id = w.client_id and c.candidate_id = $4`,
);

const LIST = statement(
  'candidates_list',
  `select w.ats_id is not null as provisioned, c.data, ${TIME('c.created_at')}, ${TIME('c.updated_at')}
     from ${READER}
     left join workspace w on w.ats_id = reader.ats_id and w.client_id = $3
     left join lateral (
       select * from candidate c
        where c.ats_id = w.ats_id and c.client_id = w.client_id and (c.updated_at, c.candidate_id) > ($4::timestamptz, $5::text)
        order by c.updated_at, c.candidate_id limit $6) c on true`,
);

type Row = { provisioned: boolean; data: Profile | null; created_at: string; updated_at: string };

@Injectable()
export class CandidatesRepository {
  constructor(private readonly database: Database) {}

  async load(tx: Tx, keys: readonly CandidateKey[]): Promise<(CandidateKey & { profile: Profile })[]> {
    const rows = await tx.query<{ ats_id: string; client_id: string; candidate_id: string; data: Profile }>(
      LOAD,
      columns(keys),
    );
    return rows.map((r) => ({ atsId: r.ats_id, clientId: r.client_id, entityId: r.candidate_id, profile: r.data }));
  }

  async remove(tx: Tx, keys: readonly CandidateKey[]): Promise<void> {
    if (keys.length > 0) await tx.query(REMOVE, columns(keys));
  }

  async save(tx: Tx, candidates: readonly (CandidateKey & { profile: Profile })[]): Promise<void> {
    if (candidates.length === 0) return;
    await tx.query(SAVE, [...columns(candidates), candidates.map((c) => JSON.stringify(c.profile))]);
  }

  async find(caller: Caller, clientId: string, candidateId: string): Promise<Found<StoredCandidate | null>> {
    const rows = await this.database.query<Row>(
      FIND,
      [...readerColumns(caller), clientId, candidateId],
      REQUEST_DEADLINE_MS,
    );
    const found = judge(rows);
    return typeof found === 'string' ? found : (found[0] ?? null);
  }

  /** In the order of their last change; `page.limit` of them at most. */
  async list(caller: Caller, clientId: string, page: Page): Promise<Found<StoredCandidate[]>> {
    const { updatedAt, id } = page.after;
    return judge(
      await this.database.query<Row>(
        LIST,
        [...readerColumns(caller), clientId, updatedAt, id, page.limit],
        REQUEST_DEADLINE_MS,
      ),
    );
  }
}

/** The reading statements yield no row for a caller who no longer counts, and one row of nulls for nothing found. */
function judge(rows: readonly Row[]): Found<StoredCandidate[]> {
  const [first] = rows;
  if (first === undefined) return 'unauthorized';
  if (!first.provisioned) return 'unprovisioned';
  return rows.flatMap(({ data, created_at, updated_at }) => (data === null ? [] : [{ data, created_at, updated_at }]));
}

function columns(keys: readonly CandidateKey[]): string[][] {
  return [keys.map((k) => k.atsId), keys.map((k) => k.clientId), keys.map((k) => k.entityId)];
}
