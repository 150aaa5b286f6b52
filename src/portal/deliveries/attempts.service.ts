import { Injectable } from '@nestjs/common';
import { uuidTime } from '../../database/clock';
import { Database, queueStatement, REQUEST_DEADLINE_MS, type Statement } from '../../database/database';
import { isNarrow, type AttemptOutcome, type Direction, type Filter } from './filter';

/** An attempt as the list shows it. */
export interface Attempt {
  readonly id: string;
  readonly referenceId: string | null;
  readonly direction: Direction;
  readonly event: string | null;
  readonly number: number;
  readonly outcome: AttemptOutcome;
  readonly statusCode: number | null;
  /** Outgoing: the fault, where nothing was answered; incoming: what the sender was told. */
  readonly error: string | null;
  readonly durationMs: number;
  readonly test: boolean;
}

/** Newest first. It may hold fewer than fit on a page, even none, and yet not be the last. */
export interface AttemptPage {
  readonly attempts: readonly Attempt[];
  /** The attempt that the next page begins behind; null: there is none. */
  readonly older: string | null;
  /** When the oldest attempt was made that was looked at. */
  readonly lookedBackTo: number | null;
}

const PAGE = 25;
/** So many attempts are looked at for one page: a filter that fits few of a million must not cost a scan of all. */
const WINDOW = 2000;
const NEWEST = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

/**
 * Planned anew each time: a plan that was kept since a day's table was empty would read it whole once it is full. The window
 * stands in the text, since a parameter would be guessed at a tenth of the log.
 */
function list(window: number): Statement {
  return queueStatement(
    `with looked_at as materialized (
       select id, reference_id, direction, event, number, outcome, status_code, error, duration_ms, test
         from delivery_attempt where ats_id = $1 and id < $2::uuid order by id desc limit ${window})
     select w.size, w.oldest, f.id, f.reference_id as "referenceId", f.direction, f.event, f.number, f.outcome,
            f.status_code as "statusCode", f.error, f.duration_ms as "durationMs", f.test
       from (select count(*)::int as size, (select id from looked_at order by id limit 1) as oldest from looked_at) w
       left join lateral (
         select * from looked_at
          where ($3::text is null or direction = $3) and ($4::text is null or outcome = $4)
            and ($5::text is null or event = $5)
          order by id desc limit ${PAGE + 1}) f on true
      order by f.id desc`,
  );
}

const ANY = list(PAGE + 1);
const NARROW = list(WINDOW);

type Row = { readonly size: number; readonly oldest: string | null } & (Attempt | { readonly id: null });

/** The delivery log of an account, a page at a time. */
@Injectable()
export class PortalAttempts {
  constructor(private readonly database: Database) {}

  /** @param before the attempt that the page begins behind; null: the newest */
  async list(atsId: string, filter: Filter, before: string | null): Promise<AttemptPage> {
    const [sql, window] = isNarrow(filter) ? [NARROW, WINDOW] : [ANY, PAGE + 1];
    const values = [atsId, before ?? NEWEST, filter.direction, filter.outcome, filter.event];
    const rows = await this.database.query<Row>(sql, values, REQUEST_DEADLINE_MS);
    const found = rows.filter((row): row is Row & Attempt => row.id !== null);
    const attempts = found.slice(0, PAGE);
    const { size = 0, oldest = null } = rows[0] ?? {};
    const unseen = size === window ? oldest : null;
    return {
      attempts,
      older: found.length > PAGE ? (attempts.at(-1)?.id ?? null) : unseen,
      lookedBackTo: oldest === null ? null : uuidTime(oldest),
    };
  }
}
