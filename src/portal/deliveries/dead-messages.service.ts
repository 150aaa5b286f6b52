import { Injectable } from '@nestjs/common';
import { Database, REQUEST_DEADLINE_MS, statement } from '../../database/database';

/** A message that was given up after its last attempt. */
export interface DeadMessage {
  readonly referenceId: string;
  readonly diedAt: Date;
  /** Attempts that failed. */
  readonly failures: number;
  readonly event: string | null;
  readonly clientId: string | null;
  readonly entityId: string | null;
  /** What the last attempt came to, while that is kept. */
  readonly statusCode: number | null;
  readonly fault: string | null;
  /** Its flow's trace is still there. */
  readonly traced: boolean;
}

/** How many there are, by their age. */
export interface DeadCounts {
  readonly hour: number;
  readonly day: number;
  readonly week: number;
  readonly all: number;
}

/** More are not counted: a hundred thousand took 150 ms of every look. */
export const COUNTED = 10_000;
const PAGE = 25;
const NEWEST = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

const COUNTS = statement(
  'portal_dead_counts',
  `select count(*) filter (where at >= now() - interval '1 hour')::int as hour,
          count(*) filter (where at >= now() - interval '1 day')::int as day,
          count(*) filter (where at >= now() - interval '7 days')::int as week, count(*)::int as all
     from (select at from dead_message where ats_id = $1 and state = 'dead' order by at desc limit ${COUNTED}) d`,
);

/** The last attempt is found by its flow, not by its account: that index would be read through for a flow without one. */
const LIST = statement(
  'portal_dead_list',
  `select d.reference_id as "referenceId", d.at as "diedAt", d.failures, coalesce(r.event, k.event) as event,
          f.client_id as "clientId", f.entity_id as "entityId", f.reference_id is not null as traced,
          a.status_code as "statusCode", a.error as fault
     from (select reference_id, at, failures from dead_message
            where ats_id = $1 and state = 'dead' and reference_id < $2::uuid
            order by reference_id desc limit ${PAGE + 1}) d
     left join lateral (select * from flow f where f.reference_id = d.reference_id) f on true
     left join lateral (select event from result_event r where r.reference_id = d.reference_id) r on true
     left join kept_event k on k.reference_id = d.reference_id
     left join lateral (
       select status_code, error from delivery_attempt a
        where a.reference_id = d.reference_id and a.direction = 'outgoing' order by a.id desc limit 1) a on true
    order by d.reference_id desc`,
);

/** What an account can have delivered again. */
@Injectable()
export class DeadMessages {
  constructor(private readonly database: Database) {}

  /** Those accepted last come first. @param before the flow that the page begins behind; null: the newest */
  async list(atsId: string, before: string | null): Promise<{ messages: DeadMessage[]; older: string | null }> {
    const rows = await this.database.query<DeadMessage>(LIST, [atsId, before ?? NEWEST], REQUEST_DEADLINE_MS);
    const messages = rows.slice(0, PAGE);
    return { messages, older: rows.length > PAGE ? (messages.at(-1)?.referenceId ?? null) : null };
  }

  async counts(atsId: string): Promise<DeadCounts> {
    const [counts] = await this.database.query<DeadCounts>(COUNTS, [atsId], REQUEST_DEADLINE_MS);
    return counts ?? { hour: 0, day: 0, week: 0, all: 0 };
  }
}
