import { Injectable } from '@nestjs/common';
import type { Request } from 'express';
import { hashApiKey } from '../accounts/api-key';
import type { Caller } from '../accounts/credential';
import { Database, REQUEST_DEADLINE_MS, statement } from '../database/database';
import { unauthorized } from '../errors';

const FIND = statement('api_key_find', 'select ats_id from account where api_key_hash = $1 and enabled');
/** A stale entry only costs a later refusal: whatever accepts or reads checks the key again in its own statement. */
const CACHE_MS = 10_000;
const MAX_CACHED = 10_000;

@Injectable()
export class ApiKeys {
  private readonly cache = new Map<string, { caller: Caller; until: number }>();

  constructor(private readonly database: Database) {}

  /** @throws {DomainError} `unauthorized` for a missing or unknown key, or a disabled account */
  async identify(request: Request): Promise<Caller> {
    const key = request.headers['x-api-key'];
    if (typeof key !== 'string' || key === '') throw unauthorized();
    const hash = hashApiKey(key);
    const id = hash.toString('latin1');
    const cached = this.cache.get(id);
    if (cached !== undefined && cached.until > performance.now()) return cached.caller;
    const [account] = await this.database.query<{ ats_id: string }>(FIND, [hash], REQUEST_DEADLINE_MS);
    if (account === undefined) {
      this.cache.delete(id);
      throw unauthorized();
    }
    const caller: Caller = { atsId: account.ats_id, credential: { kind: 'api-key', hash } };
    if (this.cache.size >= MAX_CACHED) this.cache.clear();
    this.cache.set(id, { caller, until: performance.now() + CACHE_MS });
    return caller;
  }
}
