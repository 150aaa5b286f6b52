import { createParamDecorator, SetMetadata, type CustomDecorator, type ExecutionContext } from '@nestjs/common';
import type { Request } from 'express';
import type { PortalRole } from '../accounts/portal-user';

/** Somebody signed in to the portal, as of this request. */
export interface Visitor {
  readonly email: string;
  /** What they may do now: nobody is more than a viewer while the account is disabled. */
  readonly role: PortalRole;
  /** What they are looking at; null only on pages that need no account, for staff that has chosen none. */
  readonly account: { readonly atsId: string; readonly name: string; readonly enabled: boolean } | null;
  readonly sessionHash: Buffer;
  /** The code of a message for the next page. */
  readonly flash: string | null;
}

/** One request to the portal: by whom, and what proves that the forms of its answer are ours. */
export interface Visit {
  readonly visitor: Visitor | null;
  readonly csrf: string;
}

export const ROLES = 'portal:roles';
export const NO_ACCOUNT = 'portal:no-account';

/** Who may come to a route. Without it: everybody to a GET, and only admins to what changes something. */
export function Role(...roles: PortalRole[]): CustomDecorator {
  return SetMetadata(ROLES, roles);
}

/** A route that staff may use before it has chosen an account. */
export function NoAccountNeeded(): CustomDecorator {
  return SetMetadata(NO_ACCOUNT, true);
}

/** Thrown where somebody has to be elsewhere first; the portal sends them there. */
export class GoFirst extends Error {
  constructor(readonly where: 'sign-in' | 'accounts') {
    super(`go to ${where} first`);
  }
}

const visits = new WeakMap<Request, Visit>();

export function setVisit(request: Request, visit: Visit): void {
  visits.set(request, visit);
}

/** Null before the guard has run, and where it let nobody in. */
export function visitOf(request: Request): Visit | null {
  return visits.get(request) ?? null;
}

/** A controller's parameter: who is signed in. */
export const VisitorOf = createParamDecorator((_data: unknown, context: ExecutionContext): Visitor => {
  const visitor = visitOf(context.switchToHttp().getRequest<Request>())?.visitor;
  if (visitor == null) throw new Error('a route without portal-session asked for its visitor');
  return visitor;
});

/** A controller's parameter: the account that is looked at. */
export const AccountOf = createParamDecorator((_data: unknown, context: ExecutionContext): string => {
  const account = visitOf(context.switchToHttp().getRequest<Request>())?.visitor?.account;
  if (account == null) throw new Error('a route that needs no account asked for it');
  return account.atsId;
});
