import { Get, Post, Query, Res } from '@nestjs/common';
import type { Response } from 'express';
import { NoAccountNeeded, Role, VisitorOf, type Visitor } from '../../auth/visitor';
import { Pages } from '../page/pages.service';
import { Form, PortalController } from '../page/portal-controller';
import { StaffAccounts } from './staff-accounts.service';
import { StaffPage } from './staff.page';

/** Where Carv's staff chooses the account that it looks at; each page that it opens there is in that account's log. */
@Role('staff')
@NoAccountNeeded()
@PortalController('accounts')
export class StaffController {
  constructor(
    private readonly pages: Pages,
    private readonly accounts: StaffAccounts,
  ) {}

  @Get()
  async show(@Query() query: { q?: unknown; after?: unknown }, @Res() response: Response): Promise<void> {
    const [search, after] = [query.q, query.after].map((text) => (typeof text === 'string' ? readable(text) : ''));
    const { accounts, next } = await this.accounts.list(after ?? '', search ?? '');
    await this.pages.show(response, <StaffPage {...{ accounts, next }} search={search ?? ''} />);
  }

  @Post()
  async choose(@VisitorOf() visitor: Visitor, @Form() form: URLSearchParams, @Res() response: Response): Promise<void> {
    await this.accounts.choose(visitor.sessionHash, form.get('ats_id') ?? '');
    await this.pages.redirect(response, '/portal');
  }
}

/** PostgreSQL's text holds no NUL. */
function readable(text: string): string {
  return text.replaceAll('\0', '').slice(0, 200);
}
