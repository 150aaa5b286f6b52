import type { NextFunction, Request, RequestHandler } from 'express';
import { DomainError } from '../errors';
import { currentContext, runInContext } from '../observability/request-context';

declare module 'express-serve-static-core' {
  interface Request {
    /** The body as it came, empty where there was none: signatures are made over these bytes. Uploads have none. */
    rawBody: Buffer;
  }
}

const BODY_LIMIT = 1024 * 1024;

const EMPTY = Buffer.alloc(0);

/** What is read as a stream by its route, and only after its caller is known. As Express matches its paths. */
const STREAMED = /^\/uploads\/?$/i;

/**
 * Reads every request's body whole, without parsing it, except of the route that takes files. What is refused here is
 * left unread; the answer to it closes the connection (see `sendProblem`).
 */
export function rawBody(limit = BODY_LIMIT): RequestHandler {
  return (req, _res, next) => {
    const { 'content-length': declared, 'transfer-encoding': chunked, 'content-encoding': encoding } = req.headers;
    if (chunked === undefined && (declared === undefined || declared === '0')) {
      req.rawBody = EMPTY;
      next();
    } else if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
      next(new DomainError('unsupported_media_type', 'Content-Encoding is not supported: send the body as it is'));
    } else if (req.method === 'POST' && STREAMED.test(req.path)) {
      next();
    } else if (Number(declared ?? 0) > limit) {
      next(tooLarge(limit));
    } else {
      collect(req, limit, next);
    }
  };
}

function collect(req: Request, limit: number, next: NextFunction): void {
  const chunks: Buffer[] = [];
  let size = 0;
  // Body events come in the connection's asynchronous context, not in this request's.
  const context = currentContext();
  const proceed = (error?: DomainError): void => {
    if (!context) return next(error);
    context.fields.bytes_in = size;
    runInContext(context, () => next(error));
  };
  const onData = (chunk: Buffer): void => {
    size += chunk.length;
    chunks.push(chunk);
    if (size <= limit) return;
    req.off('data', onData).off('end', onEnd);
    proceed(tooLarge(limit));
  };
  const onEnd = (): void => {
    req.rawBody = chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, size);
    proceed();
  };
  // An upload that is broken off has no end and, without a listener, no error: nobody is left to answer.
  req.on('data', onData).on('end', onEnd);
}

function tooLarge(limit: number): DomainError {
  return new DomainError('too_large', `The body must not be larger than ${limit} bytes`);
}
