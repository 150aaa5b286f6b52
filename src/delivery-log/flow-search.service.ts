import { Injectable } from '@nestjs/common';
import { uuidFloor, uuidTime } from '../database/clock';
import { Database, REQUEST_DEADLINE_MS, statement } from '../database/database';
import { unauthorized } from '../errors';
import { INBOUND, type InboundEventType, type Source } from '../events/inbound';
import type { OutboundEventType } from '../events/outbound';
import { entityKey } from '../events/results';
import { CLOCKS_APART_MS, statusOf, type FlowStatus, type Reader } from './flow-trace.service';

/** A flow as lists show it. */
export interface FlowSummary {
  readonly reference_id: string;
  readonly client_id: string;
  readonly entity_id: string;
  readonly event: OutboundEventType;
  readonly source: Source;
  readonly result: 'success' | 'error' | null;
  readonly status: FlowStatus;
  readonly accepted_at: string;
}

export interface FlowFilter {
  readonly entityId?: string;
  readonly clientId?: string;
  readonly status?: FlowStatus;
  readonly limit: number;
  /** Only flows accepted before this one, which an earlier page ended with. */
  readonly before?: string;
}

interface Row {
  reference_id: string;
  client_id: string;
  entity_id: string;
  event: InboundEventType;
  source: Source;
  result: 'success' | 'error' | null;
  result_event: OutboundEventType | null;
  ended: 'dead' | 'discarded' | null;
}

/** So many flows are looked at for one page: a filter that fits few of them must not cost a scan of all. */
const WINDOW = 1000;
const LAST = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

/** Newest first. A caller whose key no longer counts gets no row at all, one without flows a row of nulls. */
function search(name: string, from: string, filter: string): ReturnType<typeof statement> {
  return statement(
    `flow_search_${name}`,
    `select f.reference_id, f.client_id, f.entity_id, f.event, f.source, r.status as result, r.event as result_event,
            d.state as ended
       from (select ats_id from account where ats_id = $1 and (api_key_hash = $2 and enabled or $3::bool)) reader
       left join lateral (
         select f.reference_id, f.client_id, f.entity_id, f.event, f.source from ${from}
          where f.ats_id = reader.ats_id and f.reference_id < $4::uuid and ${filter}
          order by f.reference_id desc limit $5) f on true
       left join result_event r on r.reference_id = f.reference_id
       left join dead_message d on d.reference_id = f.reference_id
      order by f.reference_id desc`,
  );
}

const ALL = search('all', 'flow f', 'true');
const OF_ENTITY = search('entity', 'flow f', 'f.entity_id = $6');
const ENDED = search(
  'ended',
  `(select d.ats_id, d.reference_id, f.client_id, f.entity_id, f.event, f.source
      from dead_message d join flow f on f.reference_id = d.reference_id
     where d.ats_id = $1 and d.state = $6) f`,
  'true',
);

/** Those of $1 with a successful attempt, and of these, by their entities $3, those that are on their way again. */
const DELIVERED = statement(
  'flow_search_delivered',
  `select t.reference_id
     from unnest($1::uuid[], $2::text[]) t(reference_id, entity_key)
    where exists (select from delivery_attempt a
                   where a.reference_id = t.reference_id and a.direction = 'outgoing' and a.outcome = 'success'
                     and a.id >= $3::uuid)
      and not exists (select from outbox_message o
                       where o.ats_id = $4 collate "POSIX" and o.entity_key = t.entity_key and o.reference_id = t.reference_id)`,
);

/** Finds flows of an account, newest first. */
@Injectable()
export class FlowSearch {
  constructor(private readonly database: Database) {}

  /**
   * A page may hold fewer than `limit` flows, even none, and yet not be the last: `next` says where the search goes on.
   *
   * @throws {DomainError} `unauthorized` when the caller's key no longer counts
   */
  async find(reader: Reader, filter: FlowFilter): Promise<{ flows: FlowSummary[]; next: string | null }> {
    const narrow = filter.status !== undefined || filter.clientId !== undefined;
    const window = narrow ? WINDOW : filter.limit;
    const rows = await this.rows(reader, filter, window);
    const delivered = await this.delivered(reader[0], rows);
    const fitting = rows
      .map((row) => summary(row, delivered.has(row.reference_id)))
      .filter((flow) => filter.clientId === undefined || flow.client_id === filter.clientId)
      .filter((flow) => filter.status === undefined || flow.status === filter.status)
      .filter((flow) => filter.entityId === undefined || flow.entity_id === filter.entityId);
    const flows = fitting.slice(0, filter.limit);
    const next = fitting.length > flows.length ? flows.at(-1) : rows.length === window ? rows.at(-1) : undefined;
    return { flows, next: next?.reference_id ?? null };
  }

  private async rows(reader: Reader, { status, entityId, before }: FlowFilter, window: number): Promise<Row[]> {
    const [atsId, apiKeyHash, signedIn = false] = reader;
    const values = [atsId, apiKeyHash, signedIn, before ?? LAST, window];
    const [sql, ...filter] =
      entityId !== undefined
        ? [OF_ENTITY, entityId]
        : status === 'dead' || status === 'discarded'
          ? [ENDED, status]
          : [ALL];
    const rows = await this.database.query<Row | { reference_id: null }>(
      sql,
      [...values, ...filter],
      REQUEST_DEADLINE_MS,
    );
    if (rows.length === 0) throw unauthorized();
    return rows.filter((row): row is Row => row.reference_id !== null);
  }

  private async delivered(atsId: string, rows: readonly Row[]): Promise<Set<string>> {
    const settled = rows.filter((row) => row.result !== null && row.ended === null);
    const oldest = settled.at(-1);
    if (oldest === undefined) return new Set();
    const keys = settled.map((row) =>
      entityKey({ clientId: row.client_id, event: row.event, entityId: row.entity_id }),
    );
    const since = uuidFloor(uuidTime(oldest.reference_id) - CLOCKS_APART_MS);
    const found = await this.database.query<{ reference_id: string }>(
      DELIVERED,
      [settled.map((row) => row.reference_id), keys, since, atsId],
      REQUEST_DEADLINE_MS,
    );
    return new Set(found.map((row) => row.reference_id));
  }
}

function summary(row: Row, delivered: boolean): FlowSummary {
  return {
    reference_id: row.reference_id,
    client_id: row.client_id,
    entity_id: row.entity_id,
    event: row.result_event ?? INBOUND[row.event].asks,
    source: row.source,
    result: row.result,
    status: statusOf(row, delivered),
    accepted_at: new Date(uuidTime(row.reference_id)).toISOString(),
  };
}
