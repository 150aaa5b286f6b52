import { Injectable } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { Database, statement } from '../database/database';
import { logger } from '../observability/logger';

const EXPIRE_MS = 600_000;
const ROWS_AT_ONCE = 5000;

/** An hour more than promised, for clients that count from their side of a slow answer. Two expirers share the work. */
const EXPIRE = statement(
  'idempotency_expire',
  `with old as (
     select ats_id, client_id, source, key from idempotency_key
      where created_at < now() - interval '25 hours' limit $1 for update skip locked)
   delete from idempotency_key k using old
    where (k.ats_id, k.client_id, k.source, k.key) = (old.ats_id, old.client_id, old.source, old.key)
   returning 1 as gone`,
);

/** Frees idempotency keys that are older than the day for which they are kept, a few at a time. */
@Injectable()
export class IdempotencyExpiry {
  constructor(private readonly database: Database) {}

  @Interval(EXPIRE_MS)
  async expire(): Promise<void> {
    try {
      while ((await this.database.query(EXPIRE, [ROWS_AT_ONCE])).length === ROWS_AT_ONCE);
    } catch (error) {
      logger.warn({ err: error }, 'idempotency.not_expired');
    }
  }
}
