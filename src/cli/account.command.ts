import type { INestApplicationContext } from '@nestjs/common';
import { Accounts } from '../accounts/accounts.service';
import { Passwords } from '../accounts/passwords.service';
import { newPortalUser } from '../accounts/portal-user';
import { VISIBLE_ID, VISIBLE_ID_RULE } from '../http/visible-id';
import { optional, required, UsageError, type Command, type Options, type Output } from './command';

const ACTOR = 'operator';

const accountOf = (app: INestApplicationContext): Accounts => app.get(Accounts);

async function create(app: INestApplicationContext, options: Options): Promise<Output> {
  const atsId = required(options, 'ats-id');
  if (!VISIBLE_ID.test(atsId) || atsId.includes('/')) throw new UsageError(`--ats-id ${VISIBLE_ID_RULE}, without /`);
  const name = required(options, 'name');
  const webhookUrl = optional(options, 'webhook-url');
  const email = optional(options, 'portal-email');
  const admin = email === null ? null : await newPortalUser(app.get(Passwords), email, 'admin');
  const made = await accountOf(app).create({ atsId, name, webhookUrl, admin: admin?.user }, ACTOR);
  return {
    ats_id: atsId,
    api_key: made.apiKey,
    incoming_webhook_secret: made.incomingSecret,
    outgoing_webhook_secret: made.outgoingSecret,
    portal_email: admin?.user.email ?? null,
    portal_password: admin?.password ?? null,
    ...(made.warning !== null && { warning: made.warning }),
  };
}

async function show(app: INestApplicationContext, options: Options): Promise<Output> {
  const { account, endpoint } = await accountOf(app).find(required(options, 'ats-id'));
  const pausedUntil = Math.max(Number(endpoint.pausedUntil), Number(endpoint.restUntil));
  return {
    ats_id: account.atsId,
    name: account.name,
    enabled: account.enabled,
    webhook_url: endpoint.url,
    endpoint_failures_in_row: endpoint.failuresInRow,
    endpoint_breaker_open: endpoint.breakerPauseMs > 0,
    endpoint_paused_until: Number.isFinite(pausedUntil) ? new Date(pausedUntil) : null,
    endpoint_disabled_at: endpoint.disabledAt,
    endpoint_disabled_reason: endpoint.disabledReason,
    created_at: account.createdAt,
    updated_at: account.updatedAt,
  };
}

async function rotateSecret(app: INestApplicationContext, options: Options): Promise<Output> {
  const direction = required(options, 'direction');
  if (direction !== 'incoming' && direction !== 'outgoing') throw new UsageError('--direction is incoming or outgoing');
  const compromised = options.compromised === true;
  const secret = await accountOf(app).rotateSecret(required(options, 'ats-id'), direction, compromised, ACTOR);
  return { [`${direction}_webhook_secret`]: secret };
}

async function setWebhookUrl(app: INestApplicationContext, options: Options): Promise<Output> {
  const atsId = required(options, 'ats-id');
  const saved = await accountOf(app).setWebhookUrl(atsId, required(options, 'webhook-url'), ACTOR);
  return { ats_id: atsId, webhook_url: saved.url, ...(saved.warning !== null && { warning: saved.warning }) };
}

/** A command that changes an account and shows it as it is then. */
function changing(change: (accounts: Accounts, atsId: string) => Promise<void>): Command['run'] {
  return async (app, options) => {
    await change(accountOf(app), required(options, 'ats-id'));
    return show(app, options);
  };
}

export const accountCommands: Record<string, Command> = {
  'account create': {
    usage: '--ats-id … --name … [--webhook-url …] [--portal-email …]',
    summary: 'makes an account; its credentials are shown this once',
    run: create,
  },
  'account show': { usage: '--ats-id …', summary: 'shows an account, without secrets', run: show },
  'account enable': {
    usage: '--ats-id …',
    summary: 'lets the account in again',
    run: changing((accounts, atsId) => accounts.setEnabled(atsId, true, ACTOR)),
  },
  'account disable': {
    usage: '--ats-id …',
    summary: 'refuses the account; what was accepted is processed, deliveries wait',
    run: changing((accounts, atsId) => accounts.setEnabled(atsId, false, ACTOR)),
  },
  'account enable-endpoint': {
    usage: '--ats-id …',
    summary: 'resumes deliveries to an endpoint that was disabled',
    run: changing((accounts, atsId) => accounts.enableEndpoint(atsId, ACTOR)),
  },
  'account rotate-key': {
    usage: '--ats-id …',
    summary: 'replaces the API key at once',
    run: async (app, options) => ({
      api_key: await accountOf(app).rotateApiKey(required(options, 'ats-id'), ACTOR),
    }),
  },
  'account rotate-secret': {
    usage: '--ats-id … --direction incoming|outgoing [--compromised]',
    summary: 'replaces a webhook secret; the former one counts for 24 h more, unless it was compromised',
    run: rotateSecret,
  },
  'account set-webhook-url': {
    usage: '--ats-id … --webhook-url …',
    summary: 'says where results are delivered',
    run: setWebhookUrl,
  },
};
