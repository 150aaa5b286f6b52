import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { Env } from '../config/env';
import { Clock } from '../database/clock';
import { Database } from '../database/database';
import { sqlState } from '../database/faults';
import { AddressPolicy } from '../egress/address-policy';
import { checkTarget, parseTarget } from '../egress/url-policy';
import { DomainError, invalid } from '../errors';
import { Account } from './account.entity';
import { generateApiKey, hashApiKey } from './api-key';
import { audit } from './audit';
import { Endpoint } from './endpoint.entity';
import { savePortalUser, type PortalUser } from './portal-user';
import { WebhookSecrets, type Direction } from './webhook-secrets.service';

export interface NewAccount {
  readonly atsId: string;
  readonly name: string;
  readonly webhookUrl: string | null;
  /** Who may sign in to the portal from the start. */
  readonly admin?: PortalUser;
  /** Given only for the demo account, whose credentials are published; otherwise they are generated. */
  readonly apiKey?: string;
  readonly incomingSecret?: string;
  readonly outgoingSecret?: string;
}

/** Everything that is shown once and never again. */
export interface AccountCredentials {
  readonly apiKey: string;
  readonly incomingSecret: string;
  readonly outgoingSecret: string;
}

/** `warning`: the URL was saved, and deliveries will fail until this is mended. */
export interface SavedUrl {
  readonly url: string | null;
  readonly warning: string | null;
}

const UNIQUE_VIOLATION = '23505';

/** Nothing is held against an endpoint that was changed or resumed. */
const RESTED = {
  failuresInRow: 0,
  breakerPauseMs: 0,
  breakerOpenedAt: null,
  pausedUntil: () => `'-infinity'`,
  restUntil: () => `'-infinity'`,
  probeUntil: () => `'-infinity'`,
};

/** Accounts as their operators and owners see them. Every change is audited in the transaction that makes it. */
@Injectable()
export class Accounts {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly secrets: WebhookSecrets,
    private readonly policy: AddressPolicy,
    private readonly env: Env,
  ) {}

  /** @throws {DomainError} `conflict` when the id or the sign-in is taken, `invalid` for a URL that may not be called. */
  async create(account: NewAccount, actor: string): Promise<AccountCredentials & SavedUrl> {
    const saved = await this.checkUrl(account.webhookUrl);
    const apiKey = account.apiKey ?? generateApiKey();
    try {
      return await this.database.source.transaction(async (manager) => {
        const { atsId, name } = account;
        await manager.insert(Account, { atsId, name, apiKeyHash: hashApiKey(apiKey) });
        await manager.insert(Endpoint, { atsId, url: saved.url });
        const incomingSecret = await this.secrets.add(manager, atsId, 'incoming', account.incomingSecret);
        const outgoingSecret = await this.secrets.add(manager, atsId, 'outgoing', account.outgoingSecret);
        if (account.admin !== undefined) await savePortalUser(manager, atsId, account.admin);
        await this.record(manager, atsId, actor, 'account.created', { name, webhook_url: saved.url });
        return { apiKey, incomingSecret, outgoingSecret, ...saved };
      });
    } catch (error) {
      if (sqlState((error as { driverError?: unknown }).driverError) === UNIQUE_VIOLATION) {
        throw new DomainError('conflict', `The account ${account.atsId}, or its API key, exists already`);
      }
      throw error;
    }
  }

  /** @throws {DomainError} `not_found` */
  async find(atsId: string): Promise<{ account: Account; endpoint: Endpoint }> {
    const { manager } = this.database.source;
    const [account, endpoint] = await Promise.all([
      manager.findOneBy(Account, { atsId }),
      manager.findOneBy(Endpoint, { atsId }),
    ]);
    if (account === null || endpoint === null) throw unknown(atsId);
    return { account, endpoint };
  }

  async rename(atsId: string, name: string, actor: string): Promise<void> {
    await this.change(atsId, actor, 'account.renamed', { name }, (manager) =>
      manager.update(Account, { atsId }, { name }),
    );
  }

  async setEnabled(atsId: string, enabled: boolean, actor: string): Promise<void> {
    await this.change(atsId, actor, enabled ? 'account.enabled' : 'account.disabled', {}, (manager) =>
      manager.update(Account, { atsId }, { enabled }),
    );
  }

  /**
   * The former key is refused from the commit on: every accept and read checks the key in its own statement.
   *
   * @param expected the mark of the key that the caller means to replace, so that one who asks twice replaces it once
   * @throws {DomainError} `conflict` when it was replaced already
   */
  async rotateApiKey(atsId: string, actor: string, expected?: string): Promise<string> {
    const apiKey = generateApiKey();
    await this.change(atsId, actor, 'api_key.rotated', {}, (manager, account) => {
      if (expected !== undefined && expected !== keyMark(account)) throw replaced('API key');
      return manager.update(Account, { atsId }, { apiKeyHash: hashApiKey(apiKey) });
    });
    return apiKey;
  }

  /** @param expected the id of the secret that the caller means to replace. @throws {DomainError} as `rotateApiKey` */
  async rotateSecret(
    atsId: string,
    direction: Direction,
    compromised: boolean,
    actor: string,
    expected?: string,
  ): Promise<string> {
    return this.change(atsId, actor, `${direction}_secret.rotated`, { compromised }, async (manager) => {
      if (expected !== undefined && expected !== (await this.secrets.current(manager, atsId, direction)).id) {
        throw replaced(`${direction} secret`);
      }
      return this.secrets.rotate(manager, atsId, direction, compromised);
    });
  }

  /** Shows the current secret to somebody, which is audited before it is. */
  async viewSecret(atsId: string, direction: Direction, actor: string): Promise<string> {
    return this.change(
      atsId,
      actor,
      `${direction}_secret.viewed`,
      {},
      async (manager) => (await this.secrets.current(manager, atsId, direction)).secret,
    );
  }

  /** @throws {DomainError} `invalid` for a URL that may not be called */
  async setWebhookUrl(atsId: string, url: string | null, actor: string): Promise<SavedUrl> {
    const saved = await this.checkUrl(url);
    await this.change(atsId, actor, 'webhook_url.changed', { webhook_url: saved.url }, (manager) =>
      manager.update(Endpoint, { atsId }, { url: saved.url, ...RESTED }),
    );
    return saved;
  }

  /** Resumes deliveries to an endpoint that was disabled; what waited is due at once. */
  async enableEndpoint(atsId: string, actor: string): Promise<void> {
    await this.change(atsId, actor, 'endpoint.enabled', {}, (manager) =>
      manager.update(Endpoint, { atsId }, { disabledAt: null, disabledReason: null, ...RESTED }),
    );
  }

  private async change<T>(
    atsId: string,
    actor: string,
    action: string,
    detail: object,
    work: (manager: EntityManager, account: Account) => Promise<T>,
  ): Promise<T> {
    return this.database.source.transaction(async (manager) => {
      // Changes of one account follow each other, so that of racing rotations every one counts.
      const found = await manager.findOne(Account, { where: { atsId }, lock: { mode: 'for_no_key_update' } });
      if (found === null) throw unknown(atsId);
      const result = await work(manager, found);
      await this.record(manager, atsId, actor, action, detail);
      return result;
    });
  }

  private record(manager: EntityManager, atsId: string, actor: string, action: string, detail: object): Promise<void> {
    return audit(manager, { id: this.clock.uuidv7(), atsId, actor, action, detail });
  }

  private async checkUrl(text: string | null): Promise<SavedUrl> {
    if (text === null) return { url: null, warning: null };
    const url = parseTarget(text, { development: !this.env.production });
    if ('refusal' in url) throw invalid([{ field: 'webhook_url', message: `is refused: ${url.refusal}` }]);
    const check = await checkTarget(url, { policy: this.policy });
    if (check.verdict === 'refused') throw invalid([{ field: 'webhook_url', message: `is refused: ${check.refusal}` }]);
    return { url: url.href, warning: check.verdict === 'unresolved' ? check.warning : null };
  }
}

/** Tells one API key from the next without telling anything of it: it is made from the hash of 256 random bits. */
export function keyMark({ apiKeyHash }: Pick<Account, 'apiKeyHash'>): string {
  return apiKeyHash.toString('hex').slice(0, 16);
}

function replaced(what: string): DomainError {
  return new DomainError('conflict', `This ${what} was replaced already, a moment ago or by somebody else`);
}

function unknown(atsId: string): DomainError {
  return new DomainError('not_found', `There is no account ${atsId}`);
}
