import type { NextFunction, Request, Response } from 'express';
import { logger } from './logger';
import { requestDuration } from './metrics';
import { beginRequest, endRequest, requestIdFrom, runInContext, type RequestContext } from './request-context';

/**
 * Opens the context of a request and writes its one wide line when the connection is done with it. The line has the
 * route's pattern, never the address, and nothing of headers, query or body.
 */
export function requestLog(req: Request, res: Response, next: NextFunction): void {
  const started = performance.now();
  const context: RequestContext = { requestId: requestIdFrom(req.headers['x-request-id']), fields: {} };
  res.setHeader('X-Request-Id', context.requestId);
  // `close` follows every response, the completed and the abandoned.
  res.once('close', () => {
    runInContext(context, () => writeLine(req, res, context, performance.now() - started));
    endRequest();
  });
  beginRequest(context, next);
}

function writeLine(req: Request, res: Response, context: RequestContext, duration: number): void {
  const matched = req.route as { path?: unknown } | undefined;
  const route = typeof matched?.path === 'string' ? matched.path : null;
  const labels = { method: req.method, route: route ?? 'none', status: res.headersSent ? res.statusCode : 'none' };
  requestDuration.observe(labels, duration / 1000);
  logger.info(
    {
      method: req.method,
      route,
      status: res.headersSent ? res.statusCode : null,
      ...(!res.writableFinished && { aborted: true }),
      duration_ms: Math.round(duration * 100) / 100,
      ...context.fields,
    },
    'request.completed',
  );
}
