import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { Database, REQUEST_DEADLINE_MS, statement } from '../database/database';
import { generateSecret } from '../signing/standard-webhooks';
import { SecretBox } from './secret-box';

export type Direction = 'incoming' | 'outgoing';

/** One of an account's secrets that still count. */
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

/** In the order in which their signatures stand: the one that the endpoint is thought to hold comes last. */
const LIVE_OUTGOING = statement(
  'secrets_live_outgoing',
  `select s.id, s.sealed from endpoint e join account_secret s using (ats_id)
    where e.ats_id = $1 and s.direction = 'outgoing' and (s.expires_at is null or s.expires_at > now())
    order by s.id = e.trusted_secret_id, s.expires_at nulls last, s.id`,
);

const LIST = statement(
  'secrets_list',
  `select id, direction, created_at as "createdAt", expires_at as "expiresAt" from account_secret
    where ats_id = $1 and (expires_at is null or expires_at > now()) order by id desc`,
);

/** A live secret as its owner sees it in a list; `expiresAt` is null for the current one. */
export interface ListedSecret {
  readonly id: string;
  readonly direction: Direction;
  readonly createdAt: Date;
  readonly expiresAt: Date | null;
}

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

  /** Those that a delivery is signed with. */
  async liveOutgoing(atsId: string): Promise<string[]> {
    const rows = await this.database.query<{ sealed: Buffer }>(LIVE_OUTGOING, [atsId], REQUEST_DEADLINE_MS);
    return rows.map(({ sealed }) => this.box.open(sealed));
  }

  /** Newest first, without the secrets themselves. */
  async list(atsId: string): Promise<ListedSecret[]> {
    return this.database.query<ListedSecret>(LIST, [atsId], REQUEST_DEADLINE_MS);
  }

  async current(manager: EntityManager, atsId: string, direction: Direction): Promise<LiveSecret> {
    const [row] = await manager.query<{ id: string; sealed: Buffer }[]>(
      'select id, sealed from account_secret where ats_id = $1 and direction = $2 and expires_at is null',
      [atsId, direction],
    );
    if (row === undefined) throw new Error(`The account ${atsId} has no ${direction} secret`);
    return { id: row.id, secret: this.box.open(row.sealed) };
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
