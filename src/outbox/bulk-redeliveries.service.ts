import { Injectable } from '@nestjs/common';
import { AUDIT } from '../accounts/audit';
import { Clock } from '../database/clock';
import { Database, REQUEST_DEADLINE_MS, statement } from '../database/database';
import { DomainError } from '../errors';
import { WakeUp } from '../queue/wake-up.service';
import { DEAD_AT_ONCE, LANES, REQUEUE_DEAD } from './redeliver.sql';

/** How far one has come. */
export interface BulkRedelivery {
  readonly id: string;
  readonly since: Date;
  readonly until: Date;
  readonly total: number;
  readonly done: number;
  readonly requestedBy: string;
  /** Null while it runs. */
  readonly finishedAt: Date | null;
}

const COLUMNS = `id, since, until, total, done, requested_by as "requestedBy", finished_at as "finishedAt"`;

/** One at a time of an account: whoever asks for a second gets no row. */
const START = statement(
  'bulk_redelivery_start',
  `insert into bulk_redelivery (id, ats_id, since, total, requested_by)
   select $1, $2, $3::timestamptz, count(*), $4 from dead_message
    where ats_id = $2 and state = 'dead' and at >= $3::timestamptz and at <= now()
   having count(*) > 0
   on conflict (ats_id) where finished_at is null do nothing
   returning total`,
);

const FORGET = statement(
  'bulk_redelivery_forget',
  `delete from bulk_redelivery where ats_id = $1 and finished_at < now() - interval '30 days'`,
);

const COUNT = statement(
  'bulk_redelivery_count',
  `select count(*)::int as count from dead_message where ats_id = $1 and state = 'dead' and at >= $2::timestamptz`,
);

const RUNNING = statement(
  'bulk_redelivery_running',
  `select ${COLUMNS} from bulk_redelivery where ats_id = $1 and finished_at is null`,
);

const FIND = statement('bulk_redelivery_find', `select ${COLUMNS} from bulk_redelivery where ats_id = $1 and id = $2`);

/** The one that has waited longest, so that a long one delays nobody; its times as text, since a Date loses microseconds. */
const TAKE = statement(
  'bulk_redelivery_take',
  `select id, ats_id, since::text, until::text from bulk_redelivery where finished_at is null
    order by advanced_at, id limit 1 for update skip locked`,
);

const ADVANCE = statement(
  'bulk_redelivery_advance',
  `update bulk_redelivery set done = done + $2, advanced_at = now(), finished_at = case when $3::bool then now() end
    where id = $1`,
);

/**
 * Delivers again all of an account's messages that died since a time. The request is a row, which workers drain in batches:
 * each is queued, and counted, in one transaction, so a crash neither loses nor doubles any.
 */
@Injectable()
export class BulkRedeliveries {
  constructor(
    private readonly database: Database,
    private readonly wakeUp: WakeUp,
    private readonly clock: Clock,
  ) {}

  async count(atsId: string, since: Date): Promise<number> {
    const [row] = await this.database.query<{ count: number }>(COUNT, [atsId, since], REQUEST_DEADLINE_MS);
    return row?.count ?? 0;
  }

  /**
   * @returns its id; while another of the account runs, that one's, and nothing is begun
   * @throws {DomainError} `conflict` when nothing died since then
   */
  async start(atsId: string, since: Date, actor: string): Promise<string> {
    const id = this.clock.uuidv7();
    const started = await this.database.transaction(async (tx) => {
      await tx.query(FORGET, [atsId]);
      const [row] = await tx.query<{ total: number }>(START, [id, atsId, since, actor]);
      if (row === undefined) return false;
      const detail = { since: since.toISOString(), messages: row.total };
      await tx.query(AUDIT, [this.clock.uuidv7(), atsId, actor, 'bulk_redelivery.started', detail]);
      return true;
    });
    if (started) return id;
    const running = await this.running(atsId);
    if (running === null)
      throw new DomainError('conflict', 'Nothing that was given up since then is left to redeliver');
    return running.id;
  }

  async running(atsId: string): Promise<BulkRedelivery | null> {
    return (await this.database.query<BulkRedelivery>(RUNNING, [atsId], REQUEST_DEADLINE_MS))[0] ?? null;
  }

  async find(atsId: string, id: string): Promise<BulkRedelivery | null> {
    return (await this.database.query<BulkRedelivery>(FIND, [atsId, id], REQUEST_DEADLINE_MS))[0] ?? null;
  }

  /** Queues one batch of one of those that run. @returns whether there was one */
  async advance(): Promise<boolean> {
    const advanced = await this.database.transaction(async (tx) => {
      const [taken] = await tx.query<{ id: string; ats_id: string; since: string; until: string }>(TAKE);
      if (taken === undefined) return false;
      const { id, ats_id: atsId, since, until } = taken;
      await tx.query(LANES, [atsId, null]);
      const { length: queued } = await tx.query(REQUEUE_DEAD, [atsId, since, until, DEAD_AT_ONCE]);
      await tx.query(ADVANCE, [id, queued, queued < DEAD_AT_ONCE]);
      return true;
    });
    if (advanced) this.wakeUp.hint('outbox');
    return advanced;
  }
}
