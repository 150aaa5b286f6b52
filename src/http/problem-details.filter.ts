import { Catch, HttpException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { Request, Response } from 'express';
import { DomainError } from '../errors';
import { logger } from '../observability/logger';
import { sendProblem, type Problem } from './problem';

/** Fixed words, because Nest's and Express's own messages repeat the caller's address or the server's paths. */
const DETAILS: Readonly<Record<number, string>> = {
  400: 'The request could not be understood',
  401: 'Invalid or missing API key',
  403: 'Not allowed',
  404: 'No such resource',
  405: 'Method not allowed',
  413: 'The body is too large',
  415: 'This content type is not supported',
  429: 'Too many requests',
  503: 'The gateway cannot do this right now; please try again',
};

const UNEXPLAINED: Problem = { status: 500, detail: 'The gateway failed; the request_id names the cause in its log' };

/** Turns everything that is thrown on the way of a request into the one error shape. */
@Catch()
export class ProblemDetailsFilter implements ExceptionFilter {
  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const req = http.getRequest<Request>();
    const res = http.getResponse<Response>();
    const problem = problemOf(error);
    const gone = res.destroyed || res.closed;
    if (problem.status >= 500 && !(error instanceof DomainError) && !(gone && isAbort(error))) {
      logger.error({ err: error, status: problem.status }, 'request.failed');
    }
    if (gone) return;
    if (res.headersSent) res.destroy();
    else sendProblem(req, res, problem);
  }
}

function problemOf(error: unknown): Problem {
  if (error instanceof DomainError) {
    const { status, message: detail, faults, retryAfter, members } = error;
    return { status, detail, faults, retryAfter, members };
  }
  if (error instanceof HttpException && error.getStatus() !== 500) {
    const status = error.getStatus();
    return { status, detail: DETAILS[status] ?? 'The request was refused' };
  }
  return UNEXPLAINED;
}

/** What reading or writing a connection ends with when the client has left. */
function isAbort(error: unknown): boolean {
  const { code, name } = (error ?? {}) as { code?: unknown; name?: unknown };
  return code === 'ECONNRESET' || code === 'EPIPE' || code === 'ERR_STREAM_PREMATURE_CLOSE' || name === 'AbortError';
}
