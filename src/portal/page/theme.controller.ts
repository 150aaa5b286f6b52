import { Post, Res } from '@nestjs/common';
import type { Response } from 'express';
import { cookieOptions } from '../../auth/portal-cookies';
import { NoAccountNeeded, Role } from '../../auth/visitor';
import { Env } from '../../config/env';
import { Pages, THEME_COOKIE, themeOf } from './pages.service';
import { Form, PortalController } from './portal-controller';
import { returnPath } from './return-path';

const YEAR_MS = 31_536_000_000;

@PortalController('theme')
export class ThemeController {
  constructor(
    private readonly pages: Pages,
    private readonly env: Env,
  ) {}

  @Post()
  @Role('admin', 'viewer', 'staff')
  @NoAccountNeeded()
  async choose(@Form() form: URLSearchParams, @Res() response: Response): Promise<void> {
    response.cookie(THEME_COOKIE, themeOf(form.get('theme')), { ...cookieOptions(this.env), maxAge: YEAR_MS });
    await this.pages.redirect(response, returnPath(form.get('return')));
  }
}
