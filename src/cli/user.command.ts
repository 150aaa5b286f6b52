import { isEmail } from 'class-validator';
import type { INestApplicationContext } from '@nestjs/common';
import { Accounts } from '../accounts/accounts.service';
import { Passwords } from '../accounts/passwords.service';
import { PortalLinks } from '../accounts/portal-links.service';
import { newPortalUser, normaliseEmail, savePortalUser } from '../accounts/portal-user';
import { PortalUsers } from '../accounts/portal-users.service';
import { Env } from '../config/env';
import { Database } from '../database/database';
import { DomainError } from '../errors';
import { linkUrl } from '../portal/page/link-url';
import { optional, required, UsageError, type Command, type Options, type Output } from './command';

const ACTOR = 'operator';
const RESET_MINUTES = 24 * 60;

function emailOf(options: Options): string {
  const email = normaliseEmail(required(options, 'email'));
  if (!isEmail(email)) throw new UsageError('--email is an e-mail address');
  return email;
}

async function resetLink(app: INestApplicationContext, options: Options): Promise<Output> {
  const email = emailOf(options);
  const token = await app.get(PortalLinks).makeReset(email, ACTOR, RESET_MINUTES);
  if (token === null) throw new DomainError('not_found', `Nobody signs in with the e-mail ${email}`);
  return { email, link: linkUrl(app.get(Env), token) };
}

async function invite(app: INestApplicationContext, options: Options): Promise<Output> {
  const [atsId, email] = [required(options, 'ats-id'), emailOf(options)];
  const role = optional(options, 'role') ?? 'viewer';
  if (role !== 'admin' && role !== 'viewer') throw new UsageError('--role is admin or viewer');
  await app.get(Accounts).find(atsId);
  const token = await app.get(PortalLinks).invite(atsId, email, role, ACTOR);
  return { ats_id: atsId, email, role, link: linkUrl(app.get(Env), token) };
}

async function createStaff(app: INestApplicationContext, options: Options): Promise<Output> {
  const { user, password } = await newPortalUser(app.get(Passwords), emailOf(options), 'staff');
  await savePortalUser(app.get(Database).source.manager, null, user);
  return { email: user.email, password };
}

async function removeStaff(app: INestApplicationContext, options: Options): Promise<Output> {
  const email = emailOf(options);
  await app.get(PortalUsers).removeStaff(email);
  return { email, result: 'removed' };
}

export const userCommands: Record<string, Command> = {
  'user reset-link': {
    usage: '--email …',
    summary: 'makes a link for a new password, good for a day and once; pass it on in private',
    run: resetLink,
  },
  'user invite': {
    usage: '--ats-id … --email … [--role admin|viewer]',
    summary: 'makes a link by which somebody becomes a user of an account, good for 7 days and once',
    run: invite,
  },
  'staff create': {
    usage: '--email …',
    summary: 'lets somebody of Carv look at every account, read-only; the password is shown this once',
    run: createStaff,
  },
  'staff remove': {
    usage: '--email …',
    summary: 'ends that, and every session',
    run: removeStaff,
  },
};
