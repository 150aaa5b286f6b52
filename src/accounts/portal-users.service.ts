import { Injectable } from '@nestjs/common';
import { Clock } from '../database/clock';
import { Database, REQUEST_DEADLINE_MS, statement, type Tx } from '../database/database';
import { DomainError } from '../errors';
import { AUDIT } from './audit';
import type { PortalRole } from './portal-user';

/** Somebody who may sign in, or is invited to. */
export interface ListedUser {
  readonly email: string;
  readonly role: PortalRole;
  readonly lastSignInAt: Date | null;
  /** Until when the invitation stands; null for a user. */
  readonly invitedUntil: Date | null;
}

const LIST = statement(
  'portal_users_list',
  `select email, role, last_sign_in_at as "lastSignInAt", null::timestamptz as "invitedUntil"
     from portal_user where ats_id = $1
   union all
   select email, role, null, expires_at from portal_link
    where ats_id = $1 and purpose = 'invitation' and expires_at > now()
   order by "invitedUntil" nulls first, email`,
);

/** Two admins who remove each other take turns, and the second is refused. */
const LOCK = statement('portal_users_lock', 'select from account where ats_id = $1 for no key update');

const REMOVE = statement(
  'portal_users_remove',
  `with links as (delete from portal_link where email = $2 and purpose = 'reset')
   delete from portal_user u where ats_id = $1 and email = $2
      and (role <> 'admin' or exists (select from portal_user o
                                       where o.ats_id = $1 and o.role = 'admin' and o.email <> u.email))
   returning email`,
);

const FIND = statement('portal_users_find', 'select role from portal_user where ats_id = $1 and email = $2');

const REMOVE_STAFF = statement(
  'portal_users_remove_staff',
  `delete from portal_user where email = $1 and role = 'staff' returning email`,
);

const SIGN_IN = statement('portal_users_sign_in', 'select previous_sign_in_at as at from portal_user where email = $1');

const SET_PASSWORD = statement(
  'portal_users_set_password',
  `with links as (delete from portal_link where email = $1 and purpose = 'reset')
   update portal_user set password_hash = $3 where email = $1 and password_hash = $2 returning ats_id`,
);

/** The people of an account who may sign in to the portal. */
@Injectable()
export class PortalUsers {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  /** Users first, then those who are invited. */
  async list(atsId: string): Promise<ListedUser[]> {
    return this.database.query<ListedUser>(LIST, [atsId], REQUEST_DEADLINE_MS);
  }

  /** Ends their sessions too. @throws {DomainError} `not_found`; `conflict` for the last admin */
  async remove(atsId: string, email: string, actor: string): Promise<void> {
    await this.database.transaction(async (tx) => {
      await tx.query(LOCK, [atsId]);
      const [user] = await tx.query<{ role: PortalRole }>(FIND, [atsId, email]);
      if (user === undefined) throw new DomainError('not_found', 'There is no such user in this account');
      if ((await tx.query(REMOVE, [atsId, email])).length === 0) {
        throw new DomainError('conflict', 'The last admin of an account cannot be removed; invite another one first');
      }
      await tx.query(AUDIT, [this.clock.uuidv7(), atsId, actor, 'user.removed', { email, role: user.role }]);
    });
  }

  /** @throws {DomainError} `not_found` */
  async removeStaff(email: string): Promise<void> {
    if ((await this.database.query(REMOVE_STAFF, [email])).length === 0) {
      throw new DomainError('not_found', `No member of the staff has the e-mail ${email}`);
    }
  }

  /** When they signed in before this time. */
  async previousSignIn(email: string): Promise<Date | null> {
    const [user] = await this.database.query<{ at: Date | null }>(SIGN_IN, [email], REQUEST_DEADLINE_MS);
    return user?.at ?? null;
  }

  /** @param verifiedHash the hash that the present password was verified against. @returns false when it changed since */
  async changePassword(tx: Tx, email: string, verifiedHash: string, passwordHash: string): Promise<boolean> {
    const [user] = await tx.query<{ ats_id: string | null }>(SET_PASSWORD, [email, verifiedHash, passwordHash]);
    if (user === undefined) return false;
    // The staff belongs to no account, in whose log this could stand.
    if (user.ats_id !== null) await tx.query(AUDIT, [this.clock.uuidv7(), user.ats_id, email, 'password.changed', {}]);
    return true;
  }
}
