import { randomBytes } from 'node:crypto';
import type { EntityManager } from 'typeorm';
import { DomainError } from '../errors';
import type { Passwords } from './passwords.service';

/** What somebody may do in the portal; `staff` belongs to no account and looks at all of them. */
export type PortalRole = 'admin' | 'viewer' | 'staff';

/** Somebody who may sign in to the portal; an e-mail belongs to one account. */
export interface PortalUser {
  readonly email: string;
  readonly role: PortalRole;
  readonly passwordHash: string;
}

/** @param password generated unless given; it is kept as its hash and can be shown only now */
export async function newPortalUser(
  passwords: Passwords,
  email: string,
  role: PortalRole,
  password = generatePassword(),
): Promise<{ user: PortalUser; password: string }> {
  const passwordHash = await passwords.hash(password);
  return { user: { email: normaliseEmail(email), role, passwordHash }, password };
}

/** @throws {DomainError} `conflict` when the e-mail is taken */
export async function savePortalUser(manager: EntityManager, atsId: string | null, user: PortalUser): Promise<void> {
  const rows = await manager.query<unknown[]>(
    `insert into portal_user (email, ats_id, role, password_hash) values ($1, $2, $3, $4)
     on conflict do nothing returning email`,
    [user.email, atsId, user.role, user.passwordHash],
  );
  if (rows.length === 0) throw new DomainError('conflict', `${user.email} has a sign-in already`);
}

/** The form in which an e-mail names a user. */
export function normaliseEmail(email: string): string {
  return email.trim().toLowerCase();
}

/** 120 random bits, easy to copy. */
function generatePassword(): string {
  return randomBytes(15).toString('base64url');
}
