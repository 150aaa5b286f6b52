import { Injectable } from '@nestjs/common';
import type { Request, Response } from 'express';
import type { Caller } from '../accounts/credential';
import { rateLimited } from '../errors';
import { annotate } from '../observability/request-context';
import { RateLimits } from '../rate-limit/rate-limits.service';
import { ApiKeys } from './api-keys.service';
import { setCaller } from './caller';
import { WebhookSignatures } from './webhook-signatures.service';

/** Lets accounts in, and charges them for it. */
@Injectable()
export class AccountGate {
  constructor(
    private readonly apiKeys: ApiKeys,
    private readonly signatures: WebhookSignatures,
    private readonly limits: RateLimits,
  ) {}

  /** @throws {DomainError} `unauthorized`, or `rate_limited` */
  async admit(scheme: 'api-key' | 'webhook-signature', request: Request, response: Response): Promise<void> {
    const identified = scheme === 'api-key' ? this.apiKeys : this.signatures;
    const caller = await identified.identify(request);
    annotate({ ats_id: caller.atsId });
    setCaller(request, caller);
    await this.charge(caller, response);
  }

  /** Whoever proved to be an account is charged, whatever comes of the request. */
  private async charge({ atsId, credential }: Caller, response: Response): Promise<void> {
    const charge = await this.limits.charge(atsId);
    if (charge === null) return;
    response.setHeader('RateLimit-Limit', charge.limit);
    response.setHeader('RateLimit-Remaining', charge.remaining);
    response.setHeader('RateLimit-Reset', charge.resetIn);
    if (charge.passed) return;
    const refusal = rateLimited(charge.retryIn);
    if (credential.kind === 'webhook-secret') this.signatures.logRefusal(atsId, refusal);
    throw refusal;
  }
}
