import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { Request, Response } from 'express';
import { unauthorized } from '../errors';
import { AccountGate } from './account-gate.service';
import { SCHEME, type Scheme } from './caller';
import { InternalKey } from './internal-key.service';
import { PortalGate } from './portal-gate.service';
import { ScorerSignatures } from './scorer-signatures.service';

/** Stands before every route and lets nobody in by default. */
@Injectable()
export class AuthGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly accounts: AccountGate,
    private readonly internalKey: InternalKey,
    private readonly scorer: ScorerSignatures,
    private readonly portal: PortalGate,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const scheme = this.reflector.getAllAndOverride<Scheme | undefined>(SCHEME, [
      context.getHandler(),
      context.getClass(),
    ]);
    const http = context.switchToHttp();
    const request = http.getRequest<Request>();
    switch (scheme) {
      case 'none':
        break;
      case 'api-key':
      case 'webhook-signature':
        await this.accounts.admit(scheme, request, http.getResponse<Response>());
        break;
      case 'internal-key':
        this.internalKey.verify(request);
        break;
      case 'scorer-signature':
        this.scorer.verify(request);
        break;
      case 'portal-guest':
        this.portal.admitGuest(context);
        break;
      case 'portal-session':
        await this.portal.admitVisitor(context);
        break;
      default:
        throw unauthorized();
    }
    return true;
  }
}
