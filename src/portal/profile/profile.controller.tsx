import { Get, Post, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { Passwords } from '../../accounts/passwords.service';
import { PortalUsers } from '../../accounts/portal-users.service';
import { hashToken } from '../../accounts/token';
import { clearCookie, setCookie } from '../../auth/portal-cookies';
import { PortalSessions } from '../../auth/portal-sessions.service';
import { NoAccountNeeded, Role, VisitorOf, type Visitor } from '../../auth/visitor';
import { Env } from '../../config/env';
import { Database } from '../../database/database';
import { Pages } from '../page/pages.service';
import { Form, PortalController } from '../page/portal-controller';
import type { Flash } from '../page/flashes';
import { SignIn } from '../sign-in/sign-in.service';
import { passwordFault } from './new-password';
import { ProfilePage, type ProfileFaults } from './profile.page';

const CHANGED: Flash = 'password.changed';

@Role('admin', 'viewer', 'staff')
@NoAccountNeeded()
@PortalController('profile')
export class ProfileController {
  constructor(
    private readonly pages: Pages,
    private readonly users: PortalUsers,
    private readonly passwords: Passwords,
    private readonly signIn: SignIn,
    private readonly sessions: PortalSessions,
    private readonly database: Database,
    private readonly env: Env,
  ) {}

  @Get()
  async show(@VisitorOf() visitor: Visitor, @Res() response: Response): Promise<void> {
    await this.showWith(response, visitor, {});
  }

  /** Every other session ends, and this one gets a new id. */
  @Post('password')
  async changePassword(
    @VisitorOf() visitor: Visitor,
    @Form() form: URLSearchParams,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const wanted = form.get('new_password') ?? '';
    const fault = passwordFault(wanted, visitor.email);
    if (fault !== null) return this.showWith(response, visitor, { new_password: fault });
    const verified = await this.signIn.confirm(visitor.email, form.get('password') ?? '', request.ip ?? '');
    if (verified === null) return this.showWith(response, visitor, { password: 'The password is wrong.' });
    const passwordHash = await this.passwords.hash(wanted);
    const token = await this.database.transaction(async (tx) =>
      (await this.users.changePassword(tx, visitor.email, verified, passwordHash))
        ? this.sessions.renew(tx, visitor)
        : null,
    );
    if (token === null) return this.showWith(response, visitor, { password: 'The password was changed a moment ago.' });
    setCookie(this.env, response, 'session', token);
    await this.sessions.setFlash(hashToken(token), CHANGED);
    await this.pages.redirect(response, '/portal/profile');
  }

  @Post('sign-out-everywhere')
  async signOutEverywhere(@VisitorOf() visitor: Visitor, @Res() response: Response): Promise<void> {
    await this.sessions.endAll(visitor.email);
    clearCookie(this.env, response, 'session');
    response.status(303).setHeader('Location', '/portal/sign-in?done=signed-out').end();
  }

  private async showWith(response: Response, visitor: Visitor, faults: ProfileFaults): Promise<void> {
    const previousSignIn = await this.users.previousSignIn(visitor.email);
    const status = Object.keys(faults).length > 0 ? 422 : 200;
    await this.pages.show(response, <ProfilePage {...{ visitor, previousSignIn, faults }} />, status);
  }
}
