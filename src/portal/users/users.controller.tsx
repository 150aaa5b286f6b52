import { Get, Post, Res } from '@nestjs/common';
import { isEmail } from 'class-validator';
import type { Response } from 'express';
import { PortalLinks } from '../../accounts/portal-links.service';
import { normaliseEmail, type PortalRole } from '../../accounts/portal-user';
import { PortalUsers } from '../../accounts/portal-users.service';
import { AccountOf, VisitorOf, type Visitor } from '../../auth/visitor';
import { Env } from '../../config/env';
import { DomainError } from '../../errors';
import { linkUrl } from '../page/link-url';
import { Mails } from '../mail/mails.service';
import { Pages } from '../page/pages.service';
import { Form, PortalController } from '../page/portal-controller';
import { LINK_MAILS, LINK_MAILS_ASKED } from '../throttle/throttle-rules';
import { Throttle, tooMany } from '../throttle/throttle.service';
import { InvitationPage, UsersPage } from './users.page';

const HERE = '/portal/users';

@PortalController('users')
export class UsersController {
  constructor(
    private readonly pages: Pages,
    private readonly users: PortalUsers,
    private readonly links: PortalLinks,
    private readonly mails: Mails,
    private readonly throttle: Throttle,
    private readonly env: Env,
  ) {}

  @Get()
  async show(@AccountOf() atsId: string, @Res() response: Response): Promise<void> {
    await this.pages.show(response, <UsersPage users={await this.users.list(atsId)} />);
  }

  /** By mail where mails are sent; otherwise the admin passes the link on. */
  @Post('invitations')
  async invite(
    @VisitorOf() visitor: Visitor,
    @AccountOf() atsId: string,
    @Form() form: URLSearchParams,
    @Res() response: Response,
  ): Promise<void> {
    const sent = form.get('email') ?? '';
    const email = normaliseEmail(sent);
    const role: PortalRole = form.get('role') === 'admin' ? 'admin' : 'viewer';
    try {
      if (!isEmail(email)) throw new DomainError('invalid', 'This is not an e-mail address');
      await this.allowMail(atsId, email);
      const token = await this.links.invite(atsId, email, role, visitor.email);
      if (!this.mails.enabled) {
        await this.pages.show(response, <InvitationPage email={email} link={linkUrl(this.env, token)} />);
        return;
      }
      await this.mails.enqueue('invitation', email, { ats_id: atsId });
      await this.pages.redirect(response, HERE, 'invitation.mailed');
    } catch (error) {
      if (!(error instanceof DomainError && (error.kind === 'invalid' || error.kind === 'conflict'))) throw error;
      const users = await this.users.list(atsId);
      await this.pages.show(
        response,
        <UsersPage users={users} refused={{ sent, role, fault: `${error.message}.` }} />,
        422,
      );
    }
  }

  @Post('invitations/revoke')
  async revoke(
    @VisitorOf() visitor: Visitor,
    @AccountOf() atsId: string,
    @Form() form: URLSearchParams,
    @Res() response: Response,
  ): Promise<void> {
    await this.links.revoke(atsId, normaliseEmail(form.get('email') ?? ''), visitor.email);
    await this.pages.redirect(response, HERE, 'invitation.revoked');
  }

  @Post('remove')
  async remove(
    @VisitorOf() visitor: Visitor,
    @AccountOf() atsId: string,
    @Form() form: URLSearchParams,
    @Res() response: Response,
  ): Promise<void> {
    await this.users.remove(atsId, normaliseEmail(form.get('email') ?? ''), visitor.email);
    await this.pages.redirect(response, HERE, 'user.removed');
  }

  /** Nobody fills another's mailbox by way of ours. */
  private async allowMail(atsId: string, email: string): Promise<void> {
    const waitMs = await this.throttle.take([
      { what: `link mails ${email}`, rule: LINK_MAILS },
      { what: `invitations ${atsId}`, rule: LINK_MAILS_ASKED },
    ]);
    if (waitMs > 0) throw tooMany(waitMs);
  }
}
