import { Injectable } from '@nestjs/common';
import type { Request } from 'express';
import { createHash, timingSafeEqual } from 'node:crypto';
import { Env } from '../config/env';
import { DomainError } from '../errors';

const BEARER = /^bearer +(\S+) *$/i;

/** The one key of Carv's own services; whoever has it may write to every account. */
@Injectable()
export class InternalKey {
  private readonly key: Buffer | null;

  constructor(env: Env) {
    this.key = env.INTERNAL_API_KEY === undefined ? null : digest(env.INTERNAL_API_KEY);
  }

  /** @throws {DomainError} `not_found` where there is no key, `unauthorized` for any but this one */
  verify(request: Request): void {
    if (this.key === null) throw new DomainError('not_found', 'No such resource');
    const given = BEARER.exec(request.headers.authorization ?? '')?.[1] ?? '';
    if (!timingSafeEqual(digest(given), this.key)) {
      throw new DomainError('unauthorized', 'Invalid or missing internal key');
    }
  }
}

/** Of one length, as the comparison in constant time wants them. */
function digest(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}
