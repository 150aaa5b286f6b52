import type { NestExpressApplication } from '@nestjs/platform-express';
import { requestLog } from '../observability/request-log';
import { ProblemDetailsFilter } from './problem-details.filter';
import { rawBody } from './raw-body';
import { securityHeaders } from './security-headers';

/** Milliseconds. A load balancer keeps idle connections for 60 s; the side that closes first must not be ours. */
export const SERVER_TIMEOUTS = { headersTimeout: 15_000, requestTimeout: 30_000, keepAliveTimeout: 65_000 } as const;

/**
 * Everything between the socket and the controllers. For an application made with `bodyParser: false`, and before its
 * `init()` or `listen()`: Nest hands errors of earlier middlewares only to filters it knows by then.
 */
export function configureHttp(app: NestExpressApplication): void {
  app.disable('x-powered-by');
  app.disable('etag');
  app.use(requestLog, securityHeaders, rawBody());
  app.useGlobalFilters(new ProblemDetailsFilter());
  Object.assign(app.getHttpServer(), SERVER_TIMEOUTS);
}
