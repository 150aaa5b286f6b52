import { Post, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { clearCookie, readCookie } from '../../auth/portal-cookies';
import { PortalSessions } from '../../auth/portal-sessions.service';
import { NoAccountNeeded, Role } from '../../auth/visitor';
import { Env } from '../../config/env';
import { PortalController } from '../page/portal-controller';

@PortalController('sign-out')
export class SignOutController {
  constructor(
    private readonly sessions: PortalSessions,
    private readonly env: Env,
  ) {}

  /** Ends the session in the database: whoever copied the cookie is out as well. */
  @Post()
  @Role('admin', 'viewer', 'staff')
  @NoAccountNeeded()
  async signOut(@Req() request: Request, @Res() response: Response): Promise<void> {
    const token = readCookie(this.env, request, 'session');
    if (token !== undefined) await this.sessions.end(token);
    clearCookie(this.env, response, 'session');
    response.status(303).setHeader('Location', '/portal/sign-in').end();
  }
}
