import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { Request } from 'express';
import { DomainError } from '../errors';
import { parseJson } from './json';
import { validateBody } from './validate-body';
import type { BodyClass } from './validation-plan';

export interface JsonBodyOptions {
  /** Also takes `application/merge-patch+json`. */
  mergePatch?: boolean;
}

/** A controller's parameter: the request's JSON object, validated, as an instance of `type`. */
export function JsonBody<T extends object>(type: BodyClass<T>, options: JsonBodyOptions = {}): ParameterDecorator {
  return createParamDecorator((_data: unknown, context: ExecutionContext) =>
    validateBody(type, readJson(context.switchToHttp().getRequest<Request>(), options)),
  )();
}

/** The body's JSON value, not validated yet. @throws {DomainError} 415 for another content type, else as `parseJson`. */
export function readJson(req: Request, options: JsonBodyOptions = {}): unknown {
  requireJsonType(req.headers['content-type'], options);
  return parseJson(req.rawBody);
}

function requireJsonType(header: string | undefined, { mergePatch = false }: JsonBodyOptions): void {
  if (header === 'application/json') return;
  const [type = '', ...parameters] = (header ?? '').toLowerCase().split(';');
  const known = ['application/json', ...(mergePatch ? ['application/merge-patch+json'] : [])];
  if (!known.includes(type.trim())) {
    throw new DomainError('unsupported_media_type', `Content-Type must be ${known.join(' or ')}`);
  }
  for (const parameter of parameters) {
    const [name = '', value = ''] = parameter.split('=');
    if (name.trim() === 'charset' && !/^\s*"?utf-?8"?\s*$/.test(value)) {
      throw new DomainError('unsupported_media_type', 'The charset must be utf-8');
    }
  }
}
