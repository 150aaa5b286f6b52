import { Injectable } from '@nestjs/common';
import { READER, readerColumns, type Caller } from '../accounts/credential';
import { Database, REQUEST_DEADLINE_MS, statement } from '../database/database';
import { unauthorized } from '../errors';

/** Where an account's feed stands: `floor` is before its oldest event that is kept, `last` its newest. */
export interface FeedPage {
  readonly floor: number;
  readonly last: number;
  /** In the order of their positions, each with the body of its webhook; empty when `after` is not in the feed. */
  readonly events: readonly { readonly position: number; readonly body: string }[];
}

/** Events may be as large as requests: a page of many large ones ends early. */
const PAGE_BYTES = 4 * 1024 * 1024;

/**
 * The key, the floor and the events in one snapshot: what is dropped while it runs is still in it, or below its floor.
 * A position is visible only once every smaller one is (`APPEND`), so nothing can appear later within what was read.
 * The days are merged by their index on the position; `octet_length` reads no body.
 */
export const READ = statement(
  'event_feed_read',
  `select coalesce(f.floor, 0) as floor, coalesce(f.last_position, 0) as last, e.position, e.body
     from ${READER}
     left join event_feed f on f.ats_id = reader.ats_id
     left join lateral (
       select position, body
         from (select position, body, sum(octet_length(body)) over (order by position) - octet_length(body) as before
                 from (select position, body from result_event
                        where ats_id = $1 and position > coalesce($3::bigint, f.floor)
                        order by position limit $4) page) measured
        where before < ${PAGE_BYTES} and coalesce($3::bigint, f.floor) >= f.floor) e on true
    order by e.position`,
);

interface Row {
  floor: string;
  last: string;
  position: string | null;
  body: string;
}

/** Every result event of an account in the order of commit, for as long as results are kept. */
@Injectable()
export class EventFeed {
  constructor(private readonly database: Database) {}

  /**
   * @param after a position; null: from the oldest that is kept
   * @throws {DomainError} `unauthorized` when the caller's key no longer counts
   */
  async read(caller: Caller, after: number | null, limit: number): Promise<FeedPage> {
    const rows = await this.database.query<Row>(READ, [...readerColumns(caller), after, limit], REQUEST_DEADLINE_MS);
    const [first] = rows;
    if (first === undefined) throw unauthorized();
    const events = rows.flatMap(({ position, body }) =>
      position === null ? [] : [{ position: Number(position), body }],
    );
    return { floor: Number(first.floor), last: Number(first.last), events };
  }
}
