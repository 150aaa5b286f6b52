import { Injectable } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { Env } from '../config/env';
import { Clock, uuidFloor } from '../database/clock';
import { Database, statement } from '../database/database';
import { Partitions } from '../database/partitions';
import { logger } from '../observability/logger';
import { Outbox } from '../outbox/outbox.service';

const DAY_MS = 86_400_000;
const RETENTION_MS = 3_600_000;

/** Whoever redelivers holds the row in share mode: once this returns, nobody is about to queue an older flow again. */
const RAISE_FLOOR = statement(
  'retention_raise_floor',
  'update retention_floor set reference_id = greatest(reference_id, $1::uuid)',
);

const UNPROCESSED = statement(
  'retention_unprocessed',
  `select reference_id from inbox_message where reference_id < $1::uuid
   union all select reference_id from scoring_task where reference_id < $1::uuid limit 1`,
);

/** What pending and dead messages will still send, or may. */
const KEEP = statement(
  'retention_keep',
  `insert into kept_event (ats_id, reference_id, event, body)
   select r.ats_id, r.reference_id, r.event, r.body
     from (select reference_id from outbox_message where reference_id < $1::uuid
           union select reference_id from dead_message where reference_id < $1::uuid and state = 'dead') m
     join result_event r using (reference_id)
   on conflict do nothing`,
);

/**
 * Where each account's feed begins once the days are gone. Positions and days of acceptance run nearly, not quite, side by
 * side, hence the greatest. The counters are locked in the order in which `APPEND` locks them.
 */
const RAISE_FEEDS = statement(
  'retention_raise_feeds',
  `insert into event_feed as f (ats_id, last_position, floor)
   select ats_id, max(position), max(position) from result_event where reference_id < $1::uuid
    group by ats_id order by ats_id
   on conflict (ats_id) do update set floor = excluded.floor where f.floor < excluded.floor`,
);

const EXPIRE_DEAD = statement(
  'retention_expire_dead',
  `delete from dead_message where at < $1::timestamptz returning reference_id`,
);

const LET_GO = statement(
  'retention_let_go',
  `delete from kept_event k
    where not exists (select from outbox_message o where o.reference_id = k.reference_id)
      and not exists (select from dead_message d where d.reference_id = k.reference_id and d.state = 'dead')`,
);

/**
 * Drops what is older than the settings keep it: whole days of flows, results and attempts, and the messages that waited
 * or were dead for too long. What those still need survives the drop of its day.
 */
@Injectable()
export class Retention {
  constructor(
    private readonly database: Database,
    private readonly partitions: Partitions,
    private readonly outbox: Outbox,
    private readonly clock: Clock,
    private readonly env: Env,
  ) {}

  @Interval(RETENTION_MS)
  async tick(): Promise<void> {
    await this.run().catch((error: unknown) => {
      logger.error({ err: error }, 'retention.failed');
    });
  }

  /** Safe at any time and in several processes at once. Returns the names of the days that were dropped. */
  async run(): Promise<string[]> {
    const now = this.clock.now();
    // A whole day is dropped when its last moment is old enough.
    const before = Math.floor((now - this.env.RETENTION_DAYS * DAY_MS) / DAY_MS) * DAY_MS;
    const dropped = await this.partitions.dropBefore('delivery_attempt', before);
    if (await this.release(uuidFloor(before))) {
      dropped.push(...(await this.partitions.dropBefore('result_event', before)));
      dropped.push(...(await this.partitions.dropBefore('flow', before)));
    }
    await this.expireMessages(new Date(now - this.env.DEAD_RETENTION_DAYS * DAY_MS));
    if (dropped.length > 0) logger.info({ dropped }, 'retention.dropped');
    return dropped;
  }

  /** Makes sure that nothing needs the results before `floor`; false while a flow before it is not even processed. */
  private async release(floor: string): Promise<boolean> {
    await this.database.query(RAISE_FLOOR, [floor]);
    const [waiting] = await this.database.query<{ reference_id: string }>(UNPROCESSED, [floor]);
    if (waiting !== undefined) {
      logger.error({ reference_id: waiting.reference_id }, 'retention.flow_not_processed');
      return false;
    }
    await this.database.query(KEEP, [floor]);
    // Committed before anything is dropped: a reader sees the results, or that its cursor is too old.
    await this.database.query(RAISE_FEEDS, [floor]);
    return true;
  }

  private async expireMessages(before: Date): Promise<void> {
    const expired = await this.outbox.expire(before);
    if (expired > 0) logger.warn({ count: expired }, 'retention.messages_expired');
    await this.database.query(EXPIRE_DEAD, [before]);
    await this.database.query(LET_GO);
  }
}
