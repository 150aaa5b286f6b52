import { Injectable } from '@nestjs/common';
import type { Request } from 'express';
import { Env } from '../config/env';
import { Clock } from '../database/clock';
import { badSignature } from '../errors';
import { verify } from '../signing/signature';

/** The external scorer, which has one secret for both directions and belongs to no account. */
@Injectable()
export class ScorerSignatures {
  constructor(
    private readonly env: Env,
    private readonly clock: Clock,
  ) {}

  /** @throws {DomainError} `unauthorized`, for whatever comes while no scorer is set */
  verify(request: Request): void {
    const header = request.headers['x-webhook-signature'];
    const secrets = this.env.SCORER_SECRET === undefined ? [] : [this.env.SCORER_SECRET];
    const signature = typeof header === 'string' ? header : undefined;
    if (!verify(signature, request.rawBody, secrets, this.clock.unixSeconds()).valid) throw badSignature();
  }
}
