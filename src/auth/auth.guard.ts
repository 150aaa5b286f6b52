import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { Request } from 'express';
import type { Caller } from '../accounts/credential';
import { unauthorized } from '../errors';
import { annotate } from '../observability/request-context';
import { ApiKeys } from './api-keys.service';
import { SCHEME, setCaller, type Scheme } from './caller';
import { WebhookSignatures } from './webhook-signatures.service';

/** Stands before every route and lets nobody in by default. */
@Injectable()
export class AuthGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly apiKeys: ApiKeys,
    private readonly signatures: WebhookSignatures,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const scheme = this.reflector.getAllAndOverride<Scheme | undefined>(SCHEME, [
      context.getHandler(),
      context.getClass(),
    ]);
    if (scheme === 'none') return true;
    const request = context.switchToHttp().getRequest<Request>();
    const caller = await this.identify(scheme, request);
    annotate({ ats_id: caller.atsId });
    setCaller(request, caller);
    return true;
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
