import { Injectable } from '@nestjs/common';
import type { PortalRole } from '../accounts/portal-user';
import { hashToken, newToken } from '../accounts/token';
import { Database, REQUEST_DEADLINE_MS, statement, type Tx } from '../database/database';
import type { Visitor } from './visitor';

const IDLE = "interval '2 hours'";
const ABSOLUTE = "interval '12 hours'";

/** Noted once a minute, so that looking at a page is rarely a write. */
const FIND = statement(
  'portal_session_find',
  `with touched as (
     update portal_session set last_seen_at = now()
      where id_hash = $1 and last_seen_at between now() - ${IDLE} and now() - interval '1 minute')
   select s.email, s.flash, u.role, a.ats_id, a.name, a.enabled
     from portal_session s join portal_user u using (email)
     left join account a on a.ats_id = case when u.role = 'staff' then s.ats_id else u.ats_id end
    where s.id_hash = $1 and s.last_seen_at > now() - ${IDLE} and s.created_at > now() - ${ABSOLUTE}`,
);

/** Only while the password is the one that was verified. */
const START = statement(
  'portal_session_start',
  `insert into portal_session (id_hash, email)
   select $1, email from portal_user where email = $2 and password_hash = $3 returning email`,
);

const NOTE_SIGN_IN = statement(
  'portal_session_note_sign_in',
  'update portal_user set previous_sign_in_at = last_sign_in_at, last_sign_in_at = now() where email = $1',
);

const END = statement('portal_session_end', 'delete from portal_session where id_hash = $1');
const RENEW = statement('portal_session_renew', 'update portal_session set id_hash = $2 where id_hash = $1');
const END_OTHERS = statement(
  'portal_session_end_others',
  'delete from portal_session where email = $1 and id_hash <> $2',
);
const END_ALL = statement('portal_session_end_all', 'delete from portal_session where email = $1');

const EXPIRE = statement(
  'portal_session_expire',
  `delete from portal_session where last_seen_at < now() - ${IDLE} or created_at < now() - ${ABSOLUTE}`,
);

const FLASH = statement('portal_session_flash', 'update portal_session set flash = $2 where id_hash = $1');
const LOOK_AT = statement('portal_session_look_at', 'update portal_session set ats_id = $2 where id_hash = $1');

interface SessionRow {
  email: string;
  flash: string | null;
  role: PortalRole;
  ats_id: string | null;
  name: string;
  enabled: boolean;
}

/** Who is signed in to the portal. The database knows an id by its hash only: reading it lets nobody in. */
@Injectable()
export class PortalSessions {
  constructor(private readonly database: Database) {}

  /** Null for an unknown, ended or expired id. */
  async find(token: string): Promise<Visitor | null> {
    const sessionHash = hashToken(token);
    const [row] = await this.database.query<SessionRow>(FIND, [sessionHash], REQUEST_DEADLINE_MS);
    if (row === undefined) return null;
    const { email, flash, role, ats_id: atsId, name, enabled } = row;
    const account = atsId === null ? null : { atsId, name, enabled };
    return { email, role: enabled || role === 'staff' ? role : 'viewer', account, sessionHash, flash };
  }

  /**
   * @param passwordHash the one that the password was verified against
   * @returns the new session's id, for the cookie: always a fresh one, whatever the browser brought along; null when the
   *   password was changed or the user removed meanwhile
   */
  async start(tx: Tx, email: string, passwordHash: string): Promise<string | null> {
    const token = newToken();
    const started = await tx.query(START, [hashToken(token), email, passwordHash]);
    if (started.length === 0) return null;
    await tx.query(NOTE_SIGN_IN, [email]);
    return token;
  }

  /** A fresh id for somebody all of whose other sessions end, what they looked at kept. */
  async renew(tx: Tx, visitor: Visitor): Promise<string> {
    const token = newToken();
    await tx.query(RENEW, [visitor.sessionHash, hashToken(token)]);
    await tx.query(END_OTHERS, [visitor.email, hashToken(token)]);
    return token;
  }

  async end(token: string, tx: Tx = this.database): Promise<void> {
    await tx.query(END, [hashToken(token)]);
  }

  async endAll(email: string): Promise<void> {
    await this.database.query(END_ALL, [email]);
  }

  async expire(): Promise<void> {
    await this.database.query(EXPIRE);
  }

  /** @param code of the message; null takes it back */
  async setFlash(sessionHash: Buffer, code: string | null): Promise<void> {
    await this.database.query(FLASH, [sessionHash, code], REQUEST_DEADLINE_MS);
  }

  async lookAt(tx: Tx, sessionHash: Buffer, atsId: string): Promise<void> {
    await tx.query(LOOK_AT, [sessionHash, atsId]);
  }
}
