import { Injectable } from '@nestjs/common';
import { Accounts } from '../accounts/accounts.service';
import { hashApiKey } from '../accounts/api-key';
import { DEMO } from '../accounts/demo';
import { Passwords } from '../accounts/passwords.service';
import { newPortalUser } from '../accounts/portal-user';
import { WebhookSecrets } from '../accounts/webhook-secrets.service';
import { Database, statement } from '../database/database';
import { DomainError } from '../errors';
import { WorkspacesRepository } from '../workspaces/workspaces.repository';

const ACTOR = 'demo';
const RECEIVER_PATH = '/dev/receiver';

const PUBLISHED = statement(
  'demo_published_credentials',
  `select a.ats_id, a.api_key_hash = $1 as key, a.ats_id = $2 or exists (
            select from portal_user p where p.ats_id = a.ats_id and p.email = $3) as demo,
          coalesce((select array_agg(s.sealed) from account_secret s where s.ats_id = a.ats_id), '{}') as secrets
     from account a`,
);

@Injectable()
export class DemoAccount {
  /** Whether this process has made or found it. */
  present = false;

  constructor(
    private readonly accounts: Accounts,
    private readonly workspaces: WorkspacesRepository,
    private readonly secrets: WebhookSecrets,
    private readonly passwords: Passwords,
    private readonly database: Database,
  ) {}

  /** Makes the account unless it exists. Its receiver moves with the gateway's port, unless it was set elsewhere. */
  async ensure(origin: string): Promise<void> {
    const url = origin + RECEIVER_PATH;
    try {
      const { endpoint } = await this.accounts.find(DEMO.atsId);
      if (endpoint.url !== url && endpoint.url?.endsWith(RECEIVER_PATH)) {
        await this.accounts.setWebhookUrl(DEMO.atsId, url, ACTOR);
      }
    } catch (error) {
      if (!(error instanceof DomainError && error.kind === 'not_found')) throw error;
      await this.create(url);
    }
    this.present = true;
  }

  /** The accounts that hold a credential which anybody can read in the Quick Start. */
  async holders(): Promise<string[]> {
    const rows = await this.database.query<{ ats_id: string; key: boolean; demo: boolean; secrets: Buffer[] }>(
      PUBLISHED,
      [hashApiKey(DEMO.apiKey), DEMO.atsId, DEMO.email],
    );
    const published: string[] = [DEMO.incomingSecret, DEMO.outgoingSecret];
    return rows
      .filter(
        (row) => row.key || row.demo || row.secrets.some((sealed) => published.includes(this.secrets.open(sealed))),
      )
      .map((row) => row.ats_id);
  }

  private async create(url: string): Promise<void> {
    const { atsId, clientId, apiKey, incomingSecret, outgoingSecret } = DEMO;
    const { user: admin } = await newPortalUser(this.passwords, DEMO.email, 'admin', DEMO.password);
    await this.accounts.create(
      { atsId, name: 'Demo ATS', webhookUrl: url, apiKey, incomingSecret, outgoingSecret, admin },
      ACTOR,
    );
    await this.workspaces.provision([{ atsId, clientId, name: 'Demo Client', adminName: null, adminEmail: null }]);
  }
}
