import { Catch, HttpException, Injectable, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { Request, Response } from 'express';
import { GoFirst } from '../../auth/visitor';
import { DomainError } from '../../errors';
import { logger } from '../../observability/logger';
import { currentContext } from '../../observability/request-context';
import { ErrorPage } from './error.page';
import { Pages } from './pages.service';

const TITLES: Readonly<Record<number, string>> = {
  403: 'Not allowed',
  404: 'Page not found',
  409: 'This is not possible right now',
  422: 'This cannot be saved',
  429: 'Too many tries',
  503: 'Please try again',
};

/** What people see instead of a page: a page too, or the sign-in. */
@Injectable()
@Catch()
export class PortalErrors implements ExceptionFilter {
  constructor(private readonly pages: Pages) {}

  async catch(error: unknown, host: ArgumentsHost): Promise<void> {
    const http = host.switchToHttp();
    const response = http.getResponse<Response>();
    if (response.headersSent || response.destroyed) return void response.destroy();
    if (error instanceof GoFirst) return this.pages.redirect(response, placeOf(error, http.getRequest<Request>()));
    const { status, detail } = explain(error);
    if (error instanceof DomainError && error.retryAfter !== undefined) {
      response.setHeader('Retry-After', error.retryAfter);
    }
    const title = TITLES[status] ?? (status >= 500 ? 'Something went wrong' : 'This did not work');
    const page = <ErrorPage title={title} detail={detail} reference={status >= 500 ? requestId() : null} />;
    // The session's database may be what failed.
    await this.pages.show(response, page, status).catch(() => response.status(status).end(detail));
  }
}

function placeOf({ where }: GoFirst, request: Request): string {
  if (where === 'accounts') return '/portal/accounts';
  const back = request.method === 'GET' && request.originalUrl !== '/portal';
  return back
    ? `/portal/sign-in?${new URLSearchParams({ return: request.originalUrl }).toString()}`
    : '/portal/sign-in';
}

function explain(error: unknown): { status: number; detail: string } {
  if (error instanceof DomainError) return { status: error.status, detail: error.message };
  if (error instanceof HttpException && error.getStatus() < 500) {
    return { status: error.getStatus(), detail: 'The request could not be understood.' };
  }
  logger.error({ err: error }, 'request.failed');
  return { status: 500, detail: 'The gateway failed. Its log has the cause under the number below.' };
}

function requestId(): string | null {
  return currentContext()?.requestId ?? null;
}
