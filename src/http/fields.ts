import { applyDecorators } from '@nestjs/common';
import { ApiProperty, type ApiPropertyOptions } from '@nestjs/swagger';
import { ArrayMaxSize, IsArray, IsIn, IsObject, IsOptional, IsString, Matches, MaxLength } from 'class-validator';
import { IsEmailAddress } from './email';
import { IsVisibleId, VISIBLE_ID } from './visible-id';

/** What the reference says of a field; the rest of its schema follows from its rules. */
export interface FieldDoc {
  readonly description: string;
  readonly example?: unknown;
}

const MAX_ITEMS = 1000;
const MAX_ITEM_LENGTH = 500;

/** A required id as an ATS chooses it. */
export function Id(doc: FieldDoc): PropertyDecorator {
  const schema = { type: 'string', minLength: 1, maxLength: 200, pattern: VISIBLE_ID.source } as const;
  return applyDecorators(IsVisibleId(), ApiProperty({ ...doc, ...schema }));
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

export function OptionalEmail(doc: FieldDoc): PropertyDecorator {
  return Optional(doc, { type: 'string', format: 'email' }, IsEmailAddress());
}

export function OptionalText(maxLength: number, doc: FieldDoc): PropertyDecorator {
  return Optional(doc, { type: 'string', maxLength }, IsString(), MaxLength(maxLength));
}

export function OptionalChoice(choices: readonly string[], doc: FieldDoc): PropertyDecorator {
  return Optional(doc, { type: 'string', enum: [...choices] }, IsIn(choices));
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
