import { Get, Post, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { normaliseEmail } from '../../accounts/portal-user';
import { DomainError } from '../../errors';
import { Mails } from '../mail/mails.service';
import { Pages } from '../page/pages.service';
import { Form, GuestController } from '../page/portal-controller';
import { LINK_MAILS, LINK_MAILS_ASKED } from '../throttle/throttle-rules';
import { addressKey, Throttle, tooMany } from '../throttle/throttle.service';
import { ForgottenPage, LinkSentPage } from './links.page';

const MAX_EMAIL = 254;

/** Where mails are sent, a link for a new password. Whether somebody has the e-mail is found out when it is sent. */
@GuestController('forgotten')
export class ForgottenController {
  constructor(
    private readonly pages: Pages,
    private readonly mails: Mails,
    private readonly throttle: Throttle,
  ) {}

  @Get()
  async ask(@Res() response: Response): Promise<void> {
    this.requireMail();
    await this.pages.show(response, <ForgottenPage />);
  }

  @Post()
  async send(@Form() form: URLSearchParams, @Req() request: Request, @Res() response: Response): Promise<void> {
    this.requireMail();
    const email = normaliseEmail(form.get('email') ?? '').slice(0, MAX_EMAIL);
    const waitMs = await this.throttle.take([
      { what: `link mails ${email}`, rule: LINK_MAILS },
      { what: `link mails asked ${addressKey(request.ip ?? '')}`, rule: LINK_MAILS_ASKED },
    ]);
    if (waitMs > 0) throw tooMany(waitMs);
    await this.mails.enqueue('reset', email, {});
    await this.pages.show(response, <LinkSentPage />);
  }

  private requireMail(): void {
    if (!this.mails.enabled) throw new DomainError('not_found', 'This gateway sends no mail; ask Carv for a link.');
  }
}
