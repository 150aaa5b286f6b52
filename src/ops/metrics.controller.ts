import { Controller, Get, Header, Req } from '@nestjs/common';
import type { Request } from 'express';
import { createHash, timingSafeEqual } from 'node:crypto';
import { Auth } from '../auth/caller';
import { Env } from '../config/env';
import { Clock, uuidTime } from '../database/clock';
import { Database, statement } from '../database/database';
import { DomainError } from '../errors';
import { Undocumented } from '../http/documented';
import { deadMessages, endpoints, queueMessages, queueOldest, registry } from '../observability/metrics';

const DEADLINE_MS = 2000;

/** Bounded: a scrape must cost the same with a million messages pending. */
const QUEUES = statement(
  'metrics_queues',
  `select (select count(*)::int from (select from inbox_message limit 100000) m) as inbox,
          (select count(*)::int from (select from outbox_message limit 100000) m) as outbox,
          (select count(*)::int from (select from scoring_task limit 100000) m) as scoring,
          (select count(*)::int from (select from dead_message where state = 'dead' limit 100000) m) as dead,
          (select reference_id from inbox_message order by id limit 1) as inbox_oldest,
          (select reference_id from outbox_message order by id limit 1) as outbox_oldest,
          (select min(reference_id::text) from (select reference_id from scoring_task limit 100000) m) as scoring_oldest,
          (select count(*)::int from endpoint where disabled_at is not null) as disabled,
          (select count(*)::int from endpoint where disabled_at is null and breaker_pause_ms > 0) as breaker_open`,
);

interface QueuesRow {
  inbox: number;
  outbox: number;
  scoring: number;
  dead: number;
  inbox_oldest: string | null;
  outbox_oldest: string | null;
  scoring_oldest: string | null;
  disabled: number;
  breaker_open: number;
}

/** For Prometheus. Without `METRICS_TOKEN` it is open in development, and absent in production. */
@Undocumented('for Prometheus, in its own format')
@Auth('none')
@Controller('metrics')
export class MetricsController {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly env: Env,
  ) {}

  @Get()
  @Header('Content-Type', registry.contentType)
  async show(@Req() request: Request): Promise<string> {
    this.authorise(request.headers.authorization ?? '');
    await this.measureQueues();
    return registry.metrics();
  }

  private authorise(given: string): void {
    const { METRICS_TOKEN: token, production } = this.env;
    if (token === undefined) {
      if (production) throw new DomainError('not_found', 'There is nothing here');
      return;
    }
    if (!timingSafeEqual(digest(given), digest(`Bearer ${token}`))) {
      throw new DomainError('unauthorized', 'Invalid or missing metrics token');
    }
  }

  /** What the process itself knows is shown also while the database is in trouble. */
  private async measureQueues(): Promise<void> {
    const rows = await this.database.query<QueuesRow>(QUEUES, [], DEADLINE_MS).catch(() => []);
    const [found] = rows;
    for (const gauge of [queueMessages, queueOldest, deadMessages, endpoints]) gauge.reset();
    if (found === undefined) return;
    queueMessages.set({ queue: 'inbox' }, found.inbox);
    queueMessages.set({ queue: 'outbox' }, found.outbox);
    queueMessages.set({ queue: 'scoring' }, found.scoring);
    queueOldest.set({ queue: 'inbox' }, this.age(found.inbox_oldest));
    queueOldest.set({ queue: 'outbox' }, this.age(found.outbox_oldest));
    queueOldest.set({ queue: 'scoring' }, this.age(found.scoring_oldest));
    deadMessages.set(found.dead);
    endpoints.set({ state: 'disabled' }, found.disabled);
    endpoints.set({ state: 'breaker_open' }, found.breaker_open);
  }

  private age(referenceId: string | null): number {
    return referenceId === null ? 0 : Math.max(0, (this.clock.now() - uuidTime(referenceId)) / 1000);
  }
}

/** Equal in length, whatever was given, as the comparison in constant time wants them. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
