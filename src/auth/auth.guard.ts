import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { Request, Response } from 'express';
import type { Caller } from '../accounts/credential';
import { rateLimited, unauthorized } from '../errors';
import { annotate } from '../observability/request-context';
import { RateLimits } from '../rate-limit/rate-limits.service';
import { ApiKeys } from './api-keys.service';
import { SCHEME, setCaller, type Scheme } from './caller';
import { PortalGate } from './portal-gate.service';
import { WebhookSignatures } from './webhook-signatures.service';

/** Stands before every route and lets nobody in by default. */
@Injectable()
export class AuthGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly apiKeys: ApiKeys,
    private readonly signatures: WebhookSignatures,
    private readonly limits: RateLimits,
    private readonly portal: PortalGate,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const scheme = this.reflector.getAllAndOverride<Scheme | undefined>(SCHEME, [
      context.getHandler(),
      context.getClass(),
    ]);
    if (scheme === 'none') return true;
    if (scheme === 'portal-guest') this.portal.admitGuest(context);
    else if (scheme === 'portal-session') await this.portal.admitVisitor(context);
    else await this.admitCaller(scheme, context);
    return true;
  }

  private async admitCaller(scheme: Scheme | undefined, context: ExecutionContext): Promise<void> {
    const http = context.switchToHttp();
    const request = http.getRequest<Request>();
    const caller = await this.identify(scheme, request);
    annotate({ ats_id: caller.atsId });
    setCaller(request, caller);
    await this.charge(caller, http.getResponse<Response>());
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

  private identify(scheme: Scheme | undefined, request: Request): Promise<Caller> {
    switch (scheme) {
      case 'api-key':
        return this.apiKeys.identify(request);
      case 'webhook-signature':
        return this.signatures.identify(request);
      default:
        throw unauthorized();
    }
  }
}
