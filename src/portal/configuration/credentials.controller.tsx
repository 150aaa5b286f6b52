import { Get, Param, Post, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { Accounts, keyMark } from '../../accounts/accounts.service';
import { WebhookSecrets, type Direction } from '../../accounts/webhook-secrets.service';
import { AccountOf, Role, VisitorOf, type Visitor } from '../../auth/visitor';
import { DomainError } from '../../errors';
import { Pages } from '../page/pages.service';
import { Form, PortalController } from '../page/portal-controller';
import { SignIn } from '../sign-in/sign-in.service';
import { RotateKeyPage, RotateSecretPage, SecretPage, ShowSecretPage } from './credentials.page';

const WRONG = 'The password is wrong.';

/**
 * What is shown once, or only after the password was given again. It is shown by the answer to the form itself: it is
 * stored nowhere on its way, and a form that is sent twice replaces one key, not two.
 */
@Role('admin')
@PortalController('configuration')
export class CredentialsController {
  constructor(
    private readonly pages: Pages,
    private readonly accounts: Accounts,
    private readonly secrets: WebhookSecrets,
    private readonly signIn: SignIn,
  ) {}

  @Get('api-key')
  async askKey(@AccountOf() atsId: string, @Res() response: Response): Promise<void> {
    const { account } = await this.accounts.find(atsId);
    await this.pages.show(response, <RotateKeyPage expected={keyMark(account)} />);
  }

  @Post('api-key')
  async rotateKey(
    @VisitorOf() visitor: Visitor,
    @AccountOf() atsId: string,
    @Form() form: URLSearchParams,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const expected = form.get('expected') ?? '';
    if (!(await this.confirmed(visitor, form, request))) {
      return this.pages.show(response, <RotateKeyPage expected={expected} fault={WRONG} />, 422);
    }
    const apiKey = await this.accounts.rotateApiKey(atsId, visitor.email, expected);
    await this.pages.show(response, <SecretPage what="API key" secret={apiKey} once />);
  }

  @Get('secrets/:direction/show')
  async askShow(@Param('direction') direction: string, @Res() response: Response): Promise<void> {
    await this.pages.show(response, <ShowSecretPage direction={directionOf(direction)} />);
  }

  @Post('secrets/:direction/show')
  async showSecret(
    @VisitorOf() visitor: Visitor,
    @AccountOf() atsId: string,
    @Param('direction') asked: string,
    @Form() form: URLSearchParams,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const direction = directionOf(asked);
    if (!(await this.confirmed(visitor, form, request))) {
      return this.pages.show(response, <ShowSecretPage direction={direction} fault={WRONG} />, 422);
    }
    const secret = await this.accounts.viewSecret(atsId, direction, visitor.email);
    await this.pages.show(response, <SecretPage what={`${direction} secret`} secret={secret} />);
  }

  @Get('secrets/:direction/rotate')
  async askRotate(
    @AccountOf() atsId: string,
    @Param('direction') asked: string,
    @Res() response: Response,
  ): Promise<void> {
    const direction = directionOf(asked);
    const listed = await this.secrets.list(atsId);
    const current = listed.find((secret) => secret.direction === direction && secret.expiresAt === null);
    await this.pages.show(response, <RotateSecretPage direction={direction} expected={current?.id ?? ''} />);
  }

  @Post('secrets/:direction/rotate')
  async rotateSecret(
    @VisitorOf() visitor: Visitor,
    @AccountOf() atsId: string,
    @Param('direction') asked: string,
    @Form() form: URLSearchParams,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const direction = directionOf(asked);
    const expected = form.get('expected') ?? '';
    const compromised = form.get('reason') === 'compromised';
    if (!(await this.confirmed(visitor, form, request))) {
      const page = <RotateSecretPage {...{ direction, expected, compromised }} fault={WRONG} />;
      return this.pages.show(response, page, 422);
    }
    const secret = await this.accounts.rotateSecret(atsId, direction, compromised, visitor.email, expected);
    await this.pages.show(response, <SecretPage what={`${direction} secret`} secret={secret} isNew />);
  }

  private async confirmed(visitor: Visitor, form: URLSearchParams, request: Request): Promise<boolean> {
    return (await this.signIn.confirm(visitor.email, form.get('password') ?? '', request.ip ?? '')) !== null;
  }
}

function directionOf(text: string): Direction {
  if (text === 'incoming' || text === 'outgoing') return text;
  throw new DomainError('not_found', 'There is no such secret');
}
