import { Injectable } from '@nestjs/common';
import { Passwords } from '../../accounts/passwords.service';
import { normaliseEmail } from '../../accounts/portal-user';
import { PortalSessions } from '../../auth/portal-sessions.service';
import { Database, REQUEST_DEADLINE_MS, statement } from '../../database/database';
import { Throttle, tooMany } from '../throttle/throttle.service';

const MAX_EMAIL = 254;
const MAX_PASSWORD = 200;

const FIND = statement('portal_user_find', 'select email, password_hash from portal_user where email = $1');

export interface SignInRequest {
  readonly email: string;
  readonly password: string;
  readonly address: string;
  /** The session that the browser brought along: it ends. */
  readonly former: string | undefined;
}

/** Judges e-mail and password, in the same time and with the same answer whether or not somebody has the e-mail. */
@Injectable()
export class SignIn {
  constructor(
    private readonly database: Database,
    private readonly passwords: Passwords,
    private readonly sessions: PortalSessions,
    private readonly throttle: Throttle,
  ) {}

  /** @returns the new session's id, or null. @throws {DomainError} `rate_limited`, with the seconds to wait */
  async signIn({ email: typed, password, address, former }: SignInRequest): Promise<string | null> {
    const email = normaliseEmail(typed).slice(0, MAX_EMAIL);
    const hash = await this.verified(email, password, address);
    if (hash === null) return null;
    return this.database.transaction(async (tx) => {
      await this.throttle.forgive(tx, email, address);
      if (former !== undefined) await this.sessions.end(former, tx);
      return this.sessions.start(tx, email, hash);
    }, REQUEST_DEADLINE_MS);
  }

  /**
   * Asks somebody who is signed in for the password again: whoever found a browser open knows it not.
   *
   * @returns the hash that it was verified against, or null. @throws {DomainError} `rate_limited`
   */
  async confirm(email: string, password: string, address: string): Promise<string | null> {
    const hash = await this.verified(email, password, address);
    if (hash !== null) await this.database.transaction((tx) => this.throttle.forgive(tx, email, address));
    return hash;
  }

  private async verified(email: string, password: string, address: string): Promise<string | null> {
    const waitMs = await this.throttle.password(email, address);
    if (waitMs > 0) throw tooMany(waitMs);
    const [user] = await this.database.query<{ password_hash: string }>(FIND, [email], REQUEST_DEADLINE_MS);
    const hash = user?.password_hash ?? null;
    return (await this.passwords.verify(password.slice(0, MAX_PASSWORD + 1), hash)) ? hash : null;
  }
}
