import type { LoggerService } from '@nestjs/common';
import { logger } from './logger';

/**
 * Carries Nest's own lines into the log: its boot chatter at debug, its warnings and errors as they are.
 * For `NestFactory.create(AppModule, { logger: new NestLog() })`.
 */
export class NestLog implements LoggerService {
  log(message: unknown, ...rest: unknown[]): void {
    logger.debug({ context: contextOf(rest) }, text(message));
  }

  debug(message: unknown, ...rest: unknown[]): void {
    logger.debug({ context: contextOf(rest) }, text(message));
  }

  verbose(message: unknown, ...rest: unknown[]): void {
    logger.trace({ context: contextOf(rest) }, text(message));
  }

  warn(message: unknown, ...rest: unknown[]): void {
    logger.warn({ context: contextOf(rest), ...errorOf(message, rest) }, text(message));
  }

  error(message: unknown, ...rest: unknown[]): void {
    logger.error({ context: contextOf(rest), ...errorOf(message, rest) }, text(message));
  }

  fatal(message: unknown, ...rest: unknown[]): void {
    logger.fatal({ context: contextOf(rest), ...errorOf(message, rest) }, text(message));
  }
}

/** Nest passes the name of the speaking class last. */
function contextOf(rest: unknown[]): string | undefined {
  const last = rest.at(-1);
  return typeof last === 'string' ? last : undefined;
}

function errorOf(message: unknown, rest: unknown[]): { err?: Error; stack?: string } {
  if (message instanceof Error) return { err: message };
  const [first] = rest;
  if (first instanceof Error) return { err: first };
  return typeof first === 'string' && first.includes('\n') ? { stack: first } : {};
}

function text(message: unknown): string {
  if (message instanceof Error) return message.message;
  return typeof message === 'string' ? message : JSON.stringify(message);
}
