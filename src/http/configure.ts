import type { NestExpressApplication } from '@nestjs/platform-express';
import type { Express, NextFunction, Request, Response } from 'express';
import { requestLog } from '../observability/request-log';
import { answerClientError } from './client-error';
import { ProblemDetailsFilter } from './problem-details.filter';
import { rawBody } from './raw-body';
import { securityHeaders } from './security-headers';

/** Milliseconds. A load balancer keeps idle connections for 60 s; the side that closes first must not be ours. */
export const SERVER_TIMEOUTS = { headersTimeout: 15_000, requestTimeout: 30_000, keepAliveTimeout: 65_000 } as const;

const readBody = rawBody();

/** One layer for the three: walking its layers is what Express's router spends its time on. */
function front(req: Request, res: Response, next: NextFunction): void {
  requestLog(req, res, () => securityHeaders(req, res, () => readBody(req, res, next)));
}

/** In the place of Express's own, which takes the content type apart again that it has just set. */
function json(this: Response, body: unknown): Response {
  const text = JSON.stringify(body);
  if (!this.hasHeader('Content-Type')) this.setHeader('Content-Type', 'application/json; charset=utf-8');
  this.setHeader('Content-Length', Buffer.byteLength(text));
  return this.end(text);
}

/**
 * Everything between the socket and the controllers. For an application made with `bodyParser: false`, and before its
 * `init()` or `listen()`: Nest hands errors of earlier middlewares only to filters it knows by then.
 *
 * @param trustProxy whose `X-Forwarded-For` counts, as in the settings
 */
export function configureHttp(app: NestExpressApplication, trustProxy?: string): void {
  // Express takes a string of digits for an address.
  app.set(
    'trust proxy',
    trustProxy !== undefined && /^\d+$/.test(trustProxy) ? Number(trustProxy) : (trustProxy ?? false),
  );
  app.disable('x-powered-by');
  app.disable('etag');
  const express: Express = app.getHttpAdapter().getInstance();
  express.response.json = json;
  app.use(front);
  app.useGlobalFilters(new ProblemDetailsFilter());
  Object.assign(app.getHttpServer(), SERVER_TIMEOUTS).on('clientError', answerClientError);
}
