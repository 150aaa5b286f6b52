import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { Database, REQUEST_DEADLINE_MS, statement } from '../database/database';
import { generateSecret } from '../signing/standard-webhooks';
import { SecretBox } from './secret-box';

export type Direction = 'incoming' | 'outgoing';

/** One of an account's incoming secrets that still count. */
export interface LiveSecret {
  readonly id: string;
  readonly secret: string;
}

/** How long a replaced secret still counts, so that both sides need not change in the same second. */
const OVERLAP = "interval '24 hours'";
const MAX_LIVE = 4;

const LIVE_INCOMING = statement(
  'secrets_live_incoming',
  `select s.id, s.sealed from account a join account_secret s using (ats_id)
    where a.ats_id = $1 and a.enabled and s.direction = 'incoming' and (s.expires_at is null or s.expires_at > now())
    order by s.id desc`,
);

@Injectable()
export class WebhookSecrets {
  constructor(
    private readonly database: Database,
    private readonly box: SecretBox,
  ) {}

  /** Those that verify an incoming webhook, newest first; none for an unknown or disabled account. */
  async liveIncoming(atsId: string): Promise<LiveSecret[]> {
    const rows = await this.database.query<{ id: string; sealed: Buffer }>(LIVE_INCOMING, [atsId], REQUEST_DEADLINE_MS);
    return rows.map(({ id, sealed }) => ({ id, secret: this.box.open(sealed) }));
  }

  open(sealed: Buffer): string {
    return this.box.open(sealed);
  }

  /** Adds an account's first secret of a direction; generates it unless given. */
  async add(manager: EntityManager, atsId: string, direction: Direction, secret = generateSecret()): Promise<string> {
    await manager.query('insert into account_secret (ats_id, direction, sealed) values ($1, $2, $3)', [
      atsId,
      direction,
      this.box.seal(secret),
    ]);
    return secret;
  }

  /**
   * Replaces the current secret. The former one counts for 24 h more, at most four in all, or, when it was
   * compromised, ends at once and every earlier one with it. The caller holds the account's row.
   */
  async rotate(manager: EntityManager, atsId: string, direction: Direction, compromised: boolean): Promise<string> {
    const key = [atsId, direction];
    if (compromised) {
      await manager.query('delete from account_secret where ats_id = $1 and direction = $2', key);
      if (direction === 'outgoing') {
        await manager.query('update endpoint set trusted_secret_id = null where ats_id = $1', [atsId]);
      }
      return this.add(manager, atsId, direction);
    }
    // What receivers hold until they change; those that verify by any signature do not mind the order.
    if (direction === 'outgoing') {
      await manager.query(
        `update endpoint e set trusted_secret_id = s.id from account_secret s
          where e.ats_id = $1 and e.trusted_secret_id is null
            and s.ats_id = e.ats_id and s.direction = $2 and s.expires_at is null`,
        key,
      );
    }
    await manager.query(
      `update account_secret set expires_at = now() + ${OVERLAP}
        where ats_id = $1 and direction = $2 and expires_at is null`,
      key,
    );
    await manager.query(
      `delete from account_secret where ats_id = $1 and direction = $2 and id not in (
         select id from account_secret where ats_id = $1 and direction = $2 and expires_at > now()
          order by id desc limit ${MAX_LIVE - 1})`,
      key,
    );
    return this.add(manager, atsId, direction);
  }
}
