import { Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { Env } from '../config/env';
import { Clock, uuidFloor, uuidTime } from '../database/clock';
import { Database } from '../database/database';
import { every } from '../observability/every';
import { logger } from '../observability/logger';
import { CLOCKS_APART_MS } from './flow-trace.service';
import { EXPIRE, MOVE_MARK, ROLL, TAKE_MARK } from './rollup.sql';

const TICK_MS = 30_000;
const EXPIRY_MS = 3_600_000;
const HOUR_MS = 3_600_000;
/** What one transaction may have to count, when rolling up was interrupted: a part of one hour. */
const STEP_MS = 600_000;
/** The portal looks back seven days, by whole hours. */
const KEPT_MS = 8 * 24 * HOUR_MS;
/** A rotation has at most four secrets live, and an attempt may be sent once for each. */
const SENDINGS = 4;
/** A lease beyond its sendings, and the transaction that may begin in its last moment. */
const SETTLING_MS = 10_000 + 30_000;

/**
 * Counts attempts by the hour, so that the portal need not. It stays behind by more than an attempt can take from its id to
 * its commit; from there on, each is counted in the transaction that moves the mark past it, hence once, whatever dies.
 */
@Injectable()
export class DeliveryRoller implements BeforeApplicationShutdown {
  private readonly lagMs: number;
  private readonly trouble = every(60_000);
  private running: Promise<void> | null = null;
  private stopped = false;

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    env: Env,
  ) {
    this.lagMs = CLOCKS_APART_MS + SENDINGS * env.DELIVERY_TIMEOUT_MS + SETTLING_MS;
  }

  @Interval(TICK_MS)
  tick(): void {
    this.running ??= this.attempt(() => this.roll()).finally(() => (this.running = null));
  }

  @Interval(EXPIRY_MS)
  async expire(): Promise<void> {
    await this.attempt(() => this.database.query(EXPIRE, [new Date(this.clock.now() - KEPT_MS)]));
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopped = true;
    await this.running;
  }

  /** Goes on until it has caught up, or finds that another process is at it. */
  async roll(): Promise<void> {
    let more = true;
    while (more && !this.stopped) more = await this.step();
  }

  private async step(): Promise<boolean> {
    return this.database.transaction(async (tx) => {
      const [mark] = await tx.query<{ rolled_before: string }>(TAKE_MARK);
      if (mark === undefined) return false;
      const from = uuidTime(mark.rolled_before);
      const settled = Math.floor(this.clock.now() - this.lagMs);
      const to = Math.min(settled, (Math.floor(from / STEP_MS) + 1) * STEP_MS);
      if (to <= from) return false;
      await tx.query(ROLL, [uuidFloor(from), uuidFloor(to), Math.floor(from / HOUR_MS)]);
      await tx.query(MOVE_MARK, [uuidFloor(to)]);
      return to < settled;
    });
  }

  private async attempt(work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.trouble((suppressed) => {
        logger.warn({ err: error, suppressed }, 'delivery_log.not_rolled_up');
      });
    }
  }
}
