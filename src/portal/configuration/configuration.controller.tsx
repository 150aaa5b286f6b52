import { Get, Post, Res } from '@nestjs/common';
import type { Response } from 'express';
import { Accounts } from '../../accounts/accounts.service';
import { WebhookSecrets } from '../../accounts/webhook-secrets.service';
import { AccountOf, VisitorOf, type Visitor } from '../../auth/visitor';
import { Clock } from '../../database/clock';
import { DomainError } from '../../errors';
import { EndpointChecks } from '../endpoint/endpoint-checks.service';
import { endpointState } from '../endpoint/endpoint-state';
import { Pages } from '../page/pages.service';
import { Form, PortalController } from '../page/portal-controller';
import { ConfigurationPage, type Faults } from './configuration.page';

const HERE = '/portal/configuration';
const MAX_NAME = 200;

@PortalController('configuration')
export class ConfigurationController {
  constructor(
    private readonly pages: Pages,
    private readonly accounts: Accounts,
    private readonly secrets: WebhookSecrets,
    private readonly checks: EndpointChecks,
    private readonly clock: Clock,
  ) {}

  @Get()
  async show(@AccountOf() atsId: string, @Res() response: Response): Promise<void> {
    await this.showWith(response, atsId, {});
  }

  @Post('name')
  async rename(
    @VisitorOf() visitor: Visitor,
    @AccountOf() atsId: string,
    @Form() form: URLSearchParams,
    @Res() response: Response,
  ): Promise<void> {
    const name = (form.get('name') ?? '').trim();
    const fault = nameFault(name);
    if (fault !== null) return this.showWith(response, atsId, { name: { sent: name, message: fault } });
    await this.accounts.rename(atsId, name, visitor.email);
    await this.pages.redirect(response, HERE, 'name.saved');
  }

  /** Saves the URL whatever it answers, and says what it answered. */
  @Post('webhook-url')
  async setWebhookUrl(
    @VisitorOf() visitor: Visitor,
    @AccountOf() atsId: string,
    @Form() form: URLSearchParams,
    @Res() response: Response,
  ): Promise<void> {
    const sent = (form.get('webhook_url') ?? '').trim();
    await this.checks.allow(atsId);
    try {
      await this.accounts.setWebhookUrl(atsId, sent === '' ? null : sent, visitor.email);
    } catch (error) {
      if (!(error instanceof DomainError && error.kind === 'invalid')) throw error;
      const message = (error.faults[0]?.message ?? error.message).replace(/^is refused: /, 'Not saved. ');
      return this.showWith(response, atsId, { webhook_url: { sent, message } });
    }
    if (sent === '') return this.pages.redirect(response, HERE, 'url.removed');
    const good = await this.checks.ping(atsId);
    await this.pages.redirect(response, HERE, good ? 'url.saved' : 'url.saved_failing');
  }

  @Post('ping')
  async ping(@AccountOf() atsId: string, @Res() response: Response): Promise<void> {
    await this.checks.allow(atsId);
    const good = await this.checks.ping(atsId);
    await this.pages.redirect(response, HERE, good ? 'ping.good' : undefined);
  }

  @Post('resume')
  async resume(@VisitorOf() visitor: Visitor, @AccountOf() atsId: string, @Res() response: Response): Promise<void> {
    await this.accounts.enableEndpoint(atsId, visitor.email);
    await this.pages.redirect(response, HERE, 'endpoint.resumed');
  }

  private async showWith(response: Response, atsId: string, faults: Faults): Promise<void> {
    const [{ account, endpoint }, secrets] = await Promise.all([this.accounts.find(atsId), this.secrets.list(atsId)]);
    const check = await this.checks.find(atsId, endpoint.url);
    const state = endpointState(endpoint, check, this.clock.now());
    const status = Object.keys(faults).length > 0 ? 422 : 200;
    await this.pages.show(
      response,
      <ConfigurationPage {...{ account, endpoint, state, check, secrets, faults }} />,
      status,
    );
  }
}

function nameFault(name: string): string | null {
  if (name === '') return 'Give the account a name.';
  if (name.length > MAX_NAME) return `The name must not be longer than ${MAX_NAME} characters.`;
  return /\p{Cc}/u.test(name) ? 'The name must be one line of plain text.' : null;
}
