import { applyDecorators } from '@nestjs/common';
import { ApiProperty, type ApiPropertyOptions } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  IsArray,
  IsIn,
  isISO8601,
  IsObject,
  IsOptional,
  IsString,
  Matches,
  MaxLength,
  ValidateBy,
  ValidateNested,
} from 'class-validator';
import { IsEmailAddress } from './email';
import { IsVisibleId, VISIBLE_ID } from './visible-id';

/** What the reference says of a field; the rest of its schema follows from its rules. */
export interface FieldDoc {
  readonly description: string;
  readonly example?: unknown;
}

const MAX_ITEMS = 1000;
const MAX_ITEM_LENGTH = 500;
const ID = { type: 'string', minLength: 1, maxLength: 200, pattern: VISIBLE_ID.source } as const;

/** A required id as an ATS chooses it. */
export function Id(doc: FieldDoc): PropertyDecorator {
  return applyDecorators(IsVisibleId(), ApiProperty({ ...doc, ...ID }));
}

/** A required text with at least one character that shows. */
export function Text(maxLength: number, doc: FieldDoc): PropertyDecorator {
  return applyDecorators(
    IsString(),
    MaxLength(maxLength),
    Matches(/\S/, { message: 'must not be empty' }),
    ApiProperty({ ...doc, type: 'string', minLength: 1, maxLength, pattern: '\\S' }),
  );
}

/** A required e-mail address. */
export function Email(doc: FieldDoc): PropertyDecorator {
  return applyDecorators(IsEmailAddress(), ApiProperty({ ...doc, type: 'string', format: 'email' }));
}

/** An id that may be absent. */
export function OptionalId(doc: FieldDoc): PropertyDecorator {
  return Optional(doc, ID, IsVisibleId());
}

export function OptionalEmail(doc: FieldDoc): PropertyDecorator {
  return Optional(doc, { type: 'string', format: 'email' }, IsEmailAddress());
}

export function OptionalText(maxLength: number, doc: FieldDoc): PropertyDecorator {
  return Optional(doc, { type: 'string', maxLength }, IsString(), MaxLength(maxLength));
}

export function OptionalChoice(choices: readonly string[], doc: FieldDoc): PropertyDecorator {
  return Optional(doc, { type: 'string', enum: [...choices] }, IsIn(choices));
}

/** A date or a time in ISO 8601, kept as it was written. */
export function OptionalTime(doc: FieldDoc): PropertyDecorator {
  const rule = ValidateBy({
    name: 'isTime',
    validator: {
      validate: (value: unknown) => typeof value === 'string' && isISO8601(value.trim(), { strict: true }),
      defaultMessage: () => '$property must be a date or time such as 2026-02-25T10:30:00Z',
    },
  });
  return Optional(doc, { type: 'string' }, rule);
}

/** A list of texts. */
export function OptionalTexts(doc: FieldDoc): PropertyDecorator {
  const items = { type: 'string', maxLength: MAX_ITEM_LENGTH } as const;
  return Optional(
    doc,
    { type: 'array', maxItems: MAX_ITEMS, items },
    IsArray(),
    ArrayMaxSize(MAX_ITEMS),
    IsString({ each: true }),
    MaxLength(MAX_ITEM_LENGTH, { each: true }),
  );
}

/** A list of JSON objects, whose members are the ATS's own. */
export function OptionalObjects(doc: FieldDoc): PropertyDecorator {
  return Optional(
    doc,
    { type: 'array', maxItems: MAX_ITEMS, items: { type: 'object', additionalProperties: true } },
    IsArray(),
    ArrayMaxSize(MAX_ITEMS),
    IsObject({ each: true }),
  );
}

/** A list of things that have fields of their own. */
export function OptionalList(item: new () => object, doc: FieldDoc, maxItems = MAX_ITEMS): PropertyDecorator {
  return applyDecorators(
    Optional(
      doc,
      { type: () => item, isArray: true, maxItems },
      IsArray(),
      ArrayMaxSize(maxItems),
      ValidateNested({ each: true }),
    ),
    Type(() => item),
  );
}

/** Any JSON object. */
export function OptionalObject(doc: FieldDoc): PropertyDecorator {
  return Optional(doc, { type: 'object', additionalProperties: true }, IsObject());
}

/** A field that may be absent, and null, which means the same in a whole entity and removes it in a patch. */
export function Optional(
  doc: FieldDoc,
  schema: ApiPropertyOptions,
  ...rules: readonly PropertyDecorator[]
): PropertyDecorator {
  const property = { ...doc, ...schema, required: false, nullable: true } as ApiPropertyOptions;
  return applyDecorators(IsOptional(), ...rules, ApiProperty(property));
}
