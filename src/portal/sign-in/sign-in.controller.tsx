import { Get, Post, Query, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { DEMO } from '../../accounts/demo';
import { readCookie, setCookie } from '../../auth/portal-cookies';
import { PortalSessions } from '../../auth/portal-sessions.service';
import { Env } from '../../config/env';
import { Database, statement } from '../../database/database';
import { DomainError } from '../../errors';
import { Pages } from '../page/pages.service';
import { Form, GuestController } from '../page/portal-controller';
import { returnPath } from '../page/return-path';
import { SignInPage } from './sign-in.page';
import { SignIn } from './sign-in.service';

const DEMO_EXISTS = statement('portal_demo_exists', 'select from portal_user where email = $1');

@GuestController('sign-in')
export class SignInController {
  constructor(
    private readonly pages: Pages,
    private readonly signIn: SignIn,
    private readonly sessions: PortalSessions,
    private readonly database: Database,
    private readonly env: Env,
  ) {}

  @Get()
  async form(
    @Query() query: { return?: unknown; done?: unknown },
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const token = readCookie(this.env, request, 'session');
    if (token !== undefined && (await this.sessions.find(token)) !== null) {
      return this.pages.redirect(response, returnPath(query.return));
    }
    await this.show(response, returnPath(query.return), undefined, 200, query.done);
  }

  @Post()
  async submit(@Form() form: URLSearchParams, @Req() request: Request, @Res() response: Response): Promise<void> {
    const back = returnPath(form.get('return'));
    const email = form.get('email') ?? '';
    try {
      const token = await this.signIn.signIn({
        email,
        password: form.get('password') ?? '',
        address: request.ip ?? '',
        former: readCookie(this.env, request, 'session'),
      });
      if (token === null) {
        await this.show(response, back, { email, fault: WRONG }, 422);
      } else {
        setCookie(this.env, response, 'session', token);
        await this.pages.redirect(response, back);
      }
    } catch (error) {
      if (!(error instanceof DomainError && error.kind === 'rate_limited')) throw error;
      response.setHeader('Retry-After', error.retryAfter ?? 1);
      await this.show(response, back, { email, fault: `${error.message}.` }, error.status);
    }
  }

  private async show(
    response: Response,
    back: string,
    sent?: { email: string; fault: string },
    status = 200,
    done?: unknown,
  ): Promise<void> {
    const demo = await this.demoExists();
    await this.pages.show(
      response,
      <SignInPage {...{ back, sent, done, demo }} mails={this.env.SMTP_URL !== undefined} />,
      status,
    );
  }

  private async demoExists(): Promise<boolean> {
    if (this.env.NODE_ENV !== 'development' || !this.env.loopback) return false;
    return (await this.database.query(DEMO_EXISTS, [DEMO.email])).length > 0;
  }
}

const WRONG = 'The e-mail or the password is wrong.';
