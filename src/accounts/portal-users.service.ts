import { Injectable } from '@nestjs/common';
import { argon2id } from 'hash-wasm';
import { randomBytes } from 'node:crypto';
import { Database, statement } from '../database/database';
import { sqlState } from '../database/faults';
import { DomainError } from '../errors';

export type PortalRole = 'admin' | 'viewer';

const INSERT = statement(
  'portal_user_insert',
  'insert into portal_user (email, ats_id, role, password_hash) values ($1, $2, $3, $4)',
);
/** OWASP's first choice: 19 MiB, two passes, one lane. */
const ARGON2ID = { memorySize: 19_456, iterations: 2, parallelism: 1, hashLength: 32, outputType: 'encoded' } as const;
const UNIQUE_VIOLATION = '23505';

/** The people who may sign in to the portal; an e-mail belongs to one account. */
@Injectable()
export class PortalUsers {
  constructor(private readonly database: Database) {}

  /** @throws {DomainError} `conflict` when the e-mail is taken */
  async create(email: string, atsId: string, role: PortalRole, password = generatePassword()): Promise<string> {
    const passwordHash = await argon2id({ ...ARGON2ID, password, salt: randomBytes(16) });
    try {
      await this.database.query(INSERT, [email.trim().toLowerCase(), atsId, role, passwordHash]);
    } catch (error) {
      if (sqlState(error) === UNIQUE_VIOLATION) throw new DomainError('conflict', `${email} has a sign-in already`);
      throw error;
    }
    return password;
  }
}

/** 120 random bits, easy to copy. */
function generatePassword(): string {
  return randomBytes(15).toString('base64url');
}
