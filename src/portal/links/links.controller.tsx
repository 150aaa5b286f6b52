import { Get, Param, Post, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { PortalLinks, type PortalLink } from '../../accounts/portal-links.service';
import { clearCookie, readCookie, setCookie } from '../../auth/portal-cookies';
import { Env } from '../../config/env';
import { Pages } from '../page/pages.service';
import { Form, GuestController } from '../page/portal-controller';
import { passwordFault } from '../profile/new-password';
import { DeadLinkPage, NewPasswordPage } from './links.page';

const TOKEN = /^[A-Za-z0-9_-]{43}$/;

/** Single-use links. A GET uses nothing up: mail programs open links to look at them. */
@GuestController()
export class LinksController {
  constructor(
    private readonly pages: Pages,
    private readonly links: PortalLinks,
    private readonly env: Env,
  ) {}

  /** Out of the address, where history and proxies would keep it. */
  @Get('link/:token')
  async open(@Param('token') token: string, @Res() response: Response): Promise<void> {
    if (!TOKEN.test(token)) return this.pages.show(response, <DeadLinkPage />, 404);
    setCookie(this.env, response, 'link', token);
    await this.pages.redirect(response, '/portal/new-password');
  }

  @Get('new-password')
  async ask(@Req() request: Request, @Res() response: Response): Promise<void> {
    const link = await this.linkOf(request);
    if (link === null) return this.pages.show(response, <DeadLinkPage />, 404);
    await this.pages.show(response, <NewPasswordPage link={link} />);
  }

  @Post('new-password')
  async set(@Form() form: URLSearchParams, @Req() request: Request, @Res() response: Response): Promise<void> {
    const link = await this.linkOf(request);
    if (link === null) return this.pages.show(response, <DeadLinkPage />, 404);
    const password = form.get('new_password') ?? '';
    const fault = passwordFault(password, link.email);
    if (fault !== null) return this.pages.show(response, <NewPasswordPage link={link} fault={fault} />, 422);
    const token = readCookie(this.env, request, 'link') ?? '';
    const redeemed = await this.links.redeem(token, password);
    clearCookie(this.env, response, 'link');
    if (!redeemed) return this.pages.show(response, <DeadLinkPage />, 404);
    await this.pages.redirect(response, '/portal/sign-in?done=password');
  }

  private async linkOf(request: Request): Promise<PortalLink | null> {
    const token = readCookie(this.env, request, 'link');
    return token === undefined ? null : this.links.find(token);
  }
}
