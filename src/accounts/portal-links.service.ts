import { Injectable } from '@nestjs/common';
import { Clock } from '../database/clock';
import { Database, REQUEST_DEADLINE_MS, statement, type Tx } from '../database/database';
import { DomainError } from '../errors';
import { AUDIT } from './audit';
import { Passwords } from './passwords.service';
import type { PortalRole } from './portal-user';
import { hashToken, newToken } from './token';

/** A link that somebody opened: for a new password, or to become a user of an account. */
export interface PortalLink {
  readonly purpose: 'reset' | 'invitation';
  readonly email: string;
  readonly atsId: string | null;
  readonly role: PortalRole | null;
}

const MAKE_RESET = statement(
  'portal_link_make_reset',
  `insert into portal_link (token_hash, purpose, email, made_by, expires_at)
   select $1, 'reset', email, $3, now() + $4::int * interval '1 minute' from portal_user where email = $2
   returning email`,
);

const NOTE_RESET = statement(
  'portal_link_note_reset',
  `insert into audit_entry (id, ats_id, actor, action, detail)
   select $1, ats_id, $3, $4, json_build_object('email', email) from portal_user where email = $2 and ats_id is not null`,
);

const TAKE_BACK = statement(
  'portal_link_take_back',
  `delete from portal_link where purpose = 'invitation' and ats_id = $1 and email = $2 returning email`,
);

/** It waits for somebody on holiday. */
const INVITE = statement(
  'portal_link_invite',
  `insert into portal_link (token_hash, purpose, email, ats_id, role, made_by, expires_at)
   values ($1, 'invitation', $2, $3, $4, $5, now() + interval '7 days')`,
);

const RENEW = statement(
  'portal_link_renew',
  `update portal_link set token_hash = $1
    where purpose = 'invitation' and ats_id = $2 and email = $3 and expires_at > now() returning email`,
);

const IS_USER = statement('portal_link_is_user', 'select from portal_user where email = $1 and ats_id = $2');

const LIVE = `select purpose, email, ats_id as "atsId", role from portal_link where token_hash = $1 and expires_at > now()`;
const FIND = statement('portal_link_find', LIVE);
const USE = statement(
  'portal_link_use',
  `delete from portal_link where token_hash = $1 and expires_at > now()
   returning purpose, email, ats_id as "atsId", role`,
);

/** A new password makes every other link for one worthless, and every session that the old one began. */
const SET_PASSWORD = statement(
  'portal_link_set_password',
  `with links as (delete from portal_link where email = $1 and purpose = 'reset'),
        sessions as (delete from portal_session where email = $1)
   update portal_user set password_hash = $2 where email = $1 returning email`,
);

const ADD_USER = statement(
  'portal_link_add_user',
  `insert into portal_user (email, ats_id, role, password_hash) values ($1, $2, $3, $4)
   on conflict do nothing returning email`,
);

const EXPIRE = statement('portal_link_expire', 'delete from portal_link where expires_at < now()');

/** Single-use links, of which the database knows the hash only. */
@Injectable()
export class PortalLinks {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly passwords: Passwords,
  ) {}

  /** @returns the token, or null when nobody has the e-mail */
  async makeReset(email: string, madeBy: string, minutes: number): Promise<string | null> {
    const token = newToken();
    return this.database.transaction(async (tx) => {
      const made = await tx.query(MAKE_RESET, [hashToken(token), email, madeBy, minutes]);
      if (made.length === 0) return null;
      await tx.query(NOTE_RESET, [this.clock.uuidv7(), email, madeBy, 'password_reset_link.made']);
      return token;
    });
  }

  /** Takes the place of an earlier one. @throws {DomainError} `conflict` when the e-mail is a user of the account */
  async invite(atsId: string, email: string, role: PortalRole, madeBy: string): Promise<string> {
    const token = newToken();
    await this.database.transaction(async (tx) => {
      if ((await tx.query(IS_USER, [email, atsId])).length > 0) {
        throw new DomainError('conflict', `${email} is a user of this account already`);
      }
      await tx.query(TAKE_BACK, [atsId, email]);
      await tx.query(INVITE, [hashToken(token), email, atsId, role, madeBy]);
      await this.note(tx, atsId, madeBy, 'user.invited', { email, role });
    });
    return token;
  }

  /** A new token for an invitation that still stands: its mail is only now being sent. */
  async renewInvitation(atsId: string, email: string): Promise<string | null> {
    const token = newToken();
    const renewed = await this.database.query(RENEW, [hashToken(token), atsId, email]);
    return renewed.length === 0 ? null : token;
  }

  async revoke(atsId: string, email: string, actor: string): Promise<void> {
    await this.database.transaction(async (tx) => {
      if ((await tx.query(TAKE_BACK, [atsId, email])).length === 0) return;
      await this.note(tx, atsId, actor, 'invitation.revoked', { email });
    });
  }

  /** Null for an unknown, used or expired one. */
  async find(token: string): Promise<PortalLink | null> {
    const [link] = await this.database.query<PortalLink>(FIND, [hashToken(token)], REQUEST_DEADLINE_MS);
    return link ?? null;
  }

  /** Uses the link up and sets the password. @returns whether it still counted */
  async redeem(token: string, password: string): Promise<boolean> {
    if ((await this.find(token)) === null) return false;
    const passwordHash = await this.passwords.hash(password);
    return this.database.transaction(async (tx) => {
      const [link] = await tx.query<PortalLink>(USE, [hashToken(token)]);
      if (link === undefined) return false;
      return link.purpose === 'reset' ? this.reset(tx, link, passwordHash) : this.join(tx, link, passwordHash);
    });
  }

  async expire(): Promise<void> {
    await this.database.query(EXPIRE);
  }

  private async reset(tx: Tx, { email }: PortalLink, passwordHash: string): Promise<boolean> {
    await tx.query(NOTE_RESET, [this.clock.uuidv7(), email, email, 'password.reset']);
    return (await tx.query(SET_PASSWORD, [email, passwordHash])).length > 0;
  }

  /** An e-mail belongs to one account: one that is taken elsewhere is told no more than that the link is worthless. */
  private async join(tx: Tx, { email, atsId, role }: PortalLink, passwordHash: string): Promise<boolean> {
    if ((await tx.query(ADD_USER, [email, atsId, role, passwordHash])).length === 0) return false;
    await this.note(tx, atsId ?? '', email, 'user.joined', { email, role });
    return true;
  }

  private async note(tx: Tx, atsId: string, actor: string, action: string, detail: object): Promise<void> {
    await tx.query(AUDIT, [this.clock.uuidv7(), atsId, actor, action, detail]);
  }
}
