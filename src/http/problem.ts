import { STATUS_CODES } from 'node:http';
import type { Request, Response } from 'express';
import type { FieldFault } from '../errors';
import { currentContext } from '../observability/request-context';

/** What a caller learns of a refusal or a failure. */
export interface Problem {
  status: number;
  detail: string;
  faults?: readonly FieldFault[];
  /** Seconds. */
  retryAfter?: number;
  members?: Readonly<Record<string, string>>;
}

const LINGER_MS = 1000;
const LINGER_BYTES = 8 * 1024 * 1024;

/** Answers in the one error shape (contract, section 3). */
export function sendProblem(req: Request, res: Response, problem: Problem): void {
  const body = JSON.stringify({
    type: 'about:blank',
    title: STATUS_CODES[problem.status] ?? 'Error',
    status: problem.status,
    detail: problem.detail,
    ...problem.members,
    ...(problem.faults?.length && { errors: problem.faults }),
    request_id: currentContext()?.requestId,
  });
  res.statusCode = problem.status;
  res.setHeader('Content-Type', 'application/problem+json');
  // The route may have set a rule of its own already, for what it did not come to answer.
  res.setHeader('Cache-Control', 'no-store');
  res.setHeader('Content-Length', Buffer.byteLength(body));
  if (problem.retryAfter !== undefined) res.setHeader('Retry-After', problem.retryAfter);
  if (req.complete || 'rawBody' in req) res.end(body);
  else answerUnread(req, res, body);
}

/**
 * Answers a request whose body was not read. Closing at once would reset the connection under the client's hands, and
 * many then never see the answer; so the whole answer goes out first, and what still comes is thrown away for a moment.
 */
function answerUnread(req: Request, res: Response, body: string): void {
  let left = LINGER_BYTES;
  const close = (): void => {
    clearTimeout(timer);
    res.end();
  };
  const timer = setTimeout(close, LINGER_MS);
  res.setHeader('Connection', 'close');
  res.write(body);
  req.on('data', (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) close();
  });
  req.once('close', close).once('end', close).resume();
}
