import pino from 'pino';
import pretty from 'pino-pretty';
import type { Env } from '../config/env';
import { describeError, redact } from './redact';
import { currentContext } from './request-context';

interface LineSink {
  write(line: string): unknown;
}

const NO_CONTEXT = {};
let sink: LineSink = { write: () => undefined };

/**
 * The process's one log. Silent until `configureLogger` has run, so that importing a room prints nothing; for the same
 * reason no module may make a child of it while being imported (a child keeps the level of its birth).
 */
export const logger = pino(
  {
    level: 'silent',
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }), log: redact },
    serializers: { err: describeError, error: describeError, cause: describeError },
    mixin: () => {
      const context = currentContext();
      return context ? { request_id: context.requestId } : NO_CONTEXT;
    },
    // What a worker logs has none, and need not be copied for it.
    mixinMergeStrategy: (fields, context) => (context === NO_CONTEXT ? fields : { ...context, ...fields }),
  },
  { write: (line: string) => sink.write(line) },
);

/** In tests `info`, the default, means silence; any other level is an explicit wish. */
function levelOf(env: Env): string {
  return env.NODE_ENV === 'test' && env.LOG_LEVEL === 'info' ? 'silent' : env.LOG_LEVEL;
}

/** Opens the log: JSON lines in production, a readable form in development. `destination` is for tests. */
export function configureLogger(env: Env, destination?: LineSink): void {
  logger.level = levelOf(env);
  sink =
    destination ??
    (env.NODE_ENV === 'development'
      ? pretty({ sync: true, colorize: process.stdout.isTTY, singleLine: true, translateTime: 'SYS:HH:MM:ss.l' })
      : // Asynchronous: lines that arrive while one is being written share the next write; flushed on exit.
        pino.destination({ sync: false }));
}
