import type { ErrorObject } from 'ajv/dist/2020';
import type { FieldFault } from '../errors';
import { fieldPath, MAX_FAULTS } from '../http/field-path';
import type { JsonSchema } from '../http/json-schema';
import { VISIBLE_ID, VISIBLE_ID_RULE } from '../http/visible-id';

const TYPES: Readonly<Record<string, string>> = {
  object: 'an object',
  array: 'a list',
  string: 'text',
  number: 'a number',
  integer: 'a whole number',
  boolean: 'true or false',
  null: 'null',
};

const FORMATS: Readonly<Record<string, string>> = {
  'date-time': 'a date and time such as 2026-02-25T10:30:00Z',
  email: 'an e-mail address',
  uuid: 'a UUID',
};

const PATTERNS: Readonly<Record<string, string>> = {
  [VISIBLE_ID.source]: VISIBLE_ID_RULE,
  '\\S': 'must not be blank',
};

/** What the validator found, as a person would say it. */
export function faultsOf(errors: readonly ErrorObject[]): FieldFault[] {
  const choices = errors.filter(({ keyword }) => keyword === 'oneOf').map(({ instancePath }) => instancePath);
  // Of a value that fits none of several forms each form complains; that it fits none says it all.
  const told = errors.filter(
    ({ keyword, instancePath }) =>
      keyword === 'oneOf' || !choices.some((place) => `${instancePath}/`.startsWith(`${place}/`)),
  );
  return told.slice(0, MAX_FAULTS).map((error) => ({ field: placeOf(error), message: inWords(error) }));
}

function placeOf({ keyword, instancePath, params }: ErrorObject): string {
  const keys = instancePath
    .split('/')
    .slice(1)
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
  if (keyword === 'required') keys.push(String(params.missingProperty));
  return keys.reduce(fieldPath, '') || 'body';
}

function inWords({ keyword, schema, params, message }: ErrorObject): string {
  switch (keyword) {
    case 'required':
      return 'is missing';
    case 'type':
      return `must be ${[schema as string | string[]].flat().map(typeInWords).join(' or ')}`;
    case 'oneOf':
      return `must be ${(schema as JsonSchema[]).map(({ type }) => typeInWords(String(type))).join(' or ')}`;
    case 'const':
      return `must be ${JSON.stringify(schema)}`;
    case 'enum':
      return `must be one of ${(schema as unknown[]).map((value) => JSON.stringify(value)).join(', ')}`;
    case 'format':
      return `must be ${FORMATS[String(schema)] ?? String(schema)}`;
    case 'pattern':
      return PATTERNS[String(schema)] ?? `must be of the form ${String(schema)}`;
    case 'minimum':
    case 'maximum':
      return `must be at ${keyword === 'minimum' ? 'least' : 'most'} ${params.limit as number}`;
    default:
      return message ?? 'does not fit the schema';
  }
}

function typeInWords(type: string): string {
  return TYPES[type] ?? type;
}
