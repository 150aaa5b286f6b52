import { Injectable, type ArgumentMetadata, type PipeTransform } from '@nestjs/common';
import { Matches, type ValidationOptions } from 'class-validator';
import { invalid } from '../errors';

/**
 * An id as an ATS may choose it (contract, section 4): 1–200 characters one can see, with no space at either end.
 * Left out are controls, formatting characters (zero width, direction), lone surrogates and line separators.
 */
export const VISIBLE_ID = /^(?!\p{Z})[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]{1,200}(?<!\p{Z})$/u;

export const VISIBLE_ID_RULE = 'must be 1–200 visible characters';

/** For ids in a body. */
export function IsVisibleId(options?: ValidationOptions): PropertyDecorator {
  return Matches(VISIBLE_ID, { message: VISIBLE_ID_RULE, ...options });
}

/** For ids in a path: `@Param('candidate_id', VisibleIdPipe)`. */
@Injectable()
export class VisibleIdPipe implements PipeTransform<unknown, string> {
  transform(value: unknown, metadata: ArgumentMetadata): string {
    if (typeof value === 'string' && VISIBLE_ID.test(value)) return value;
    throw invalid([{ field: metadata.data ?? 'id', message: VISIBLE_ID_RULE }]);
  }
}
