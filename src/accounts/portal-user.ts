import { argon2id } from 'hash-wasm';
import { randomBytes } from 'node:crypto';
import type { EntityManager } from 'typeorm';
import { DomainError } from '../errors';

export type PortalRole = 'admin' | 'viewer';

/** OWASP's first choice: 19 MiB, two passes, one lane. */
const ARGON2ID = { memorySize: 19_456, iterations: 2, parallelism: 1, hashLength: 32, outputType: 'encoded' } as const;

/** Somebody who may sign in to the portal; an e-mail belongs to one account. */
export interface PortalUser {
  readonly email: string;
  readonly role: PortalRole;
  readonly passwordHash: string;
}

/** @param password generated unless given; it is kept as its hash and can be shown only now */
export async function newPortalUser(
  email: string,
  role: PortalRole,
  password = generatePassword(),
): Promise<{ user: PortalUser; password: string }> {
  const passwordHash = await argon2id({ ...ARGON2ID, password, salt: randomBytes(16) });
  return { user: { email: email.trim().toLowerCase(), role, passwordHash }, password };
}

/** @throws {DomainError} `conflict` when the e-mail is taken */
export async function savePortalUser(manager: EntityManager, atsId: string, user: PortalUser): Promise<void> {
  const rows = await manager.query<unknown[]>(
    `insert into portal_user (email, ats_id, role, password_hash) values ($1, $2, $3, $4)
     on conflict do nothing returning email`,
    [user.email, atsId, user.role, user.passwordHash],
  );
  if (rows.length === 0) throw new DomainError('conflict', `${user.email} has a sign-in already`);
}

/** 120 random bits, easy to copy. */
function generatePassword(): string {
  return randomBytes(15).toString('base64url');
}
