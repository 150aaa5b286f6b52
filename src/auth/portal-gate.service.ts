import { Injectable, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { Request, Response } from 'express';
import type { PortalRole } from '../accounts/portal-user';
import { newToken } from '../accounts/token';
import { Env } from '../config/env';
import { DomainError } from '../errors';
import { readForm } from '../http/form-body';
import { annotate } from '../observability/request-context';
import { csrfToken, readCookie, sameToken, setCookie } from './portal-cookies';
import { PortalSessions } from './portal-sessions.service';
import { StaffLooks } from './staff-looks.service';
import { GoFirst, NO_ACCOUNT, ROLES, setVisit, type Visitor } from './visitor';

const LOOPBACK = /^(localhost|\[::1\]|127(\.\d+){3})$/;
const EVERYBODY: readonly PortalRole[] = ['admin', 'viewer', 'staff'];
const ADMINS: readonly PortalRole[] = ['admin'];

/** Judges requests to the portal: where they come from, who is signed in, and what that person may do. */
@Injectable()
export class PortalGate {
  constructor(
    private readonly sessions: PortalSessions,
    private readonly looks: StaffLooks,
    private readonly reflector: Reflector,
    private readonly env: Env,
  ) {}

  /** @throws {GoFirst} to who is not signed in, or has to choose an account; {DomainError} `forbidden` */
  async admitVisitor(context: ExecutionContext): Promise<void> {
    const request = context.switchToHttp().getRequest<Request>();
    if (changes(request)) this.checkOrigin(request);
    const token = readCookie(this.env, request, 'session');
    const visitor = token === undefined ? null : await this.sessions.find(token);
    if (token === undefined || visitor === null) throw new GoFirst('sign-in');
    const csrf = csrfToken(token);
    setVisit(request, { visitor, csrf });
    annotate({ ...(visitor.account !== null && { ats_id: visitor.account.atsId }), portal_role: visitor.role });
    if (changes(request)) checkForm(request, csrf);
    await this.authorise(context, request, visitor);
  }

  /** For forms that nobody is signed in for: their token stands in a cookie, which only this site can read and set. */
  admitGuest(context: ExecutionContext): void {
    const http = context.switchToHttp();
    const request = http.getRequest<Request>();
    let csrf = readCookie(this.env, request, 'guest');
    if (changes(request)) {
      this.checkOrigin(request);
      checkForm(request, csrf);
    }
    if (csrf === undefined) setCookie(this.env, http.getResponse<Response>(), 'guest', (csrf = newToken()));
    setVisit(request, { visitor: null, csrf });
  }

  private async authorise(context: ExecutionContext, request: Request, visitor: Visitor): Promise<void> {
    const targets = [context.getHandler(), context.getClass()];
    const roles = this.reflector.getAllAndOverride<readonly PortalRole[] | undefined>(ROLES, targets);
    if (!(roles ?? (changes(request) ? ADMINS : EVERYBODY)).includes(visitor.role)) throw notAllowed(visitor);
    if (this.reflector.getAllAndOverride<boolean | undefined>(NO_ACCOUNT, targets) === true) return;
    if (visitor.account === null) throw new GoFirst('accounts');
    if (visitor.role === 'staff') await this.looks.note(visitor.email, visitor.account.atsId, request.path);
  }

  /** Against the settings, never the Host header, which is the caller's to choose. */
  private checkOrigin(request: Request): void {
    const { origin } = request.headers;
    if (origin !== undefined && this.isOurs(origin)) return;
    throw new DomainError('forbidden', 'This form was sent from another site; open the page anew and try again');
  }

  private isOurs(origin: string): boolean {
    const own = new URL(this.env.PUBLIC_URL);
    if (origin === own.origin) return true;
    // In development 127.0.0.1 and localhost are the same place.
    if (this.env.production || !URL.canParse(origin)) return false;
    const { protocol, port, hostname } = new URL(origin);
    return protocol === own.protocol && port === own.port && LOOPBACK.test(hostname) && LOOPBACK.test(own.hostname);
  }
}

function changes({ method }: Request): boolean {
  return method !== 'GET' && method !== 'HEAD';
}

function checkForm(request: Request, csrf: string | undefined): void {
  const sent = readForm(request).get('csrf') ?? '';
  if (csrf === undefined || !sameToken(sent, csrf)) {
    throw new DomainError('forbidden', 'This form has expired; open the page anew and try again');
  }
}

function notAllowed({ account, role }: Visitor): DomainError {
  const disabled = account?.enabled === false && role === 'viewer';
  return new DomainError(
    'forbidden',
    disabled ? 'This account is disabled; nothing can be changed in it' : 'This needs somebody with the role admin',
  );
}
