import { Injectable } from '@nestjs/common';
import { PortalSessions } from '../../auth/portal-sessions.service';
import { Database, REQUEST_DEADLINE_MS, statement } from '../../database/database';
import { DomainError } from '../../errors';

export interface StaffAccount {
  readonly atsId: string;
  readonly name: string;
  readonly enabled: boolean;
}

const PAGE = 50;

const LIST = statement(
  'staff_accounts_list',
  `select ats_id as "atsId", name, enabled from account
    where ats_id > $1 and ($2 = '' or position(lower($2) in lower(ats_id)) > 0 or position(lower($2) in lower(name)) > 0)
    order by ats_id limit ${PAGE + 1}`,
);

const EXISTS = statement('staff_accounts_exists', 'select from account where ats_id = $1');

/** The accounts that Carv's staff may look at: all. */
@Injectable()
export class StaffAccounts {
  constructor(
    private readonly database: Database,
    private readonly sessions: PortalSessions,
  ) {}

  /** @param after the id that the page begins behind. @param search part of an id or a name */
  async list(after: string, search: string): Promise<{ accounts: StaffAccount[]; next: string | null }> {
    const rows = await this.database.query<StaffAccount>(LIST, [after, search], REQUEST_DEADLINE_MS);
    const accounts = rows.slice(0, PAGE);
    return { accounts, next: rows.length > PAGE ? (accounts.at(-1)?.atsId ?? null) : null };
  }

  /** From now on the session looks at this account. @throws {DomainError} `not_found` */
  async choose(sessionHash: Buffer, atsId: string): Promise<void> {
    await this.database.transaction(async (tx) => {
      if ((await tx.query(EXISTS, [atsId])).length === 0)
        throw new DomainError('not_found', 'There is no such account');
      await this.sessions.lookAt(tx, sessionHash, atsId);
    });
  }
}
