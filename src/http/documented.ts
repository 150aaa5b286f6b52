import { SetMetadata, type CustomDecorator, type Type } from '@nestjs/common';
import { refTo, type JsonSchema } from './json-schema';

/** A class whose fields are described, or a schema. */
export type Shape = Type | JsonSchema;

export interface ParameterDocs {
  readonly description: string;
  readonly schema: JsonSchema;
  readonly example: unknown;
}

export interface BodyDocs {
  readonly shape: Shape;
  /** Its media types; JSON where none is said. */
  readonly types?: readonly string[];
}

export interface AnswerDocs {
  readonly description: string;
  readonly shape?: Shape;
  /** A JSON type unless one is said. */
  readonly type?: string;
  /** Names of headers (`src/reference/headers.ts`). */
  readonly headers?: readonly string[];
  readonly example?: unknown;
}

/** What the reference says of a route, beside what follows from its path and its scheme. */
export interface RouteDocs {
  /** The operation's name, for generated clients. */
  readonly id: string;
  /** The chapter (`src/reference/tags.ts`). */
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  readonly path?: Readonly<Record<string, ParameterDocs>>;
  readonly query?: Readonly<Record<string, ParameterDocs>>;
  /** Whether the context headers are read: the workspace's alone, or the member's too. */
  readonly context?: 'workspace' | 'member';
  /** Request headers beside these and the scheme's (`src/reference/headers.ts`). */
  readonly headers?: readonly string[];
  readonly body?: BodyDocs;
  readonly answers: Readonly<Record<number, AnswerDocs>>;
  /** Statuses of refusals beside those that follow from the scheme, the body and the headers. */
  readonly refuses?: readonly number[];
}

export const DOCUMENTED = 'http:documented';
export const UNDOCUMENTED = 'http:undocumented';

/** On every route that is part of the API. */
export function Documented(docs: RouteDocs): CustomDecorator {
  return SetMetadata(DOCUMENTED, docs);
}

/** On a route, or a controller, that is deliberately not in the reference. */
export function Undocumented(why: string): CustomDecorator {
  return SetMetadata(UNDOCUMENTED, why);
}

/** An id in a path. The rule on its characters is left out: pages that try the API out would read it as ASCII's. */
export function idInPath(description: string, example: string): ParameterDocs {
  return { description, schema: { type: 'string', minLength: 1, maxLength: 200 }, example };
}

/** A `reference_id` in a path. */
export const REFERENCE_ID: ParameterDocs = {
  description: 'The `reference_id` that a write answered',
  schema: { type: 'string', format: 'uuid' },
  example: '019db49a-860b-74cb-8199-635ca3ad7f59',
};

export const ACCEPTED_SCHEMA: JsonSchema = {
  type: 'object',
  required: ['reference_id'],
  properties: {
    reference_id: {
      type: 'string',
      format: 'uuid',
      description: 'Names this write, its result event and its trace',
      examples: [REFERENCE_ID.example],
    },
  },
};

/** The answer to every write. */
export const ACCEPTED: AnswerDocs = {
  description: 'Durable: from here on it is never lost. The result arrives as a webhook that carries this id.',
  shape: refTo('Accepted'),
};

/** The answers of a read that knows versions. */
export function found(description: string, schema: string): Readonly<Record<number, AnswerDocs>> {
  return {
    200: { description, shape: refTo(schema), headers: ['ETag'] },
    304: { description: 'It is still the version that `If-None-Match` names', headers: ['ETag'] },
  };
}

/** What every list takes. */
export const PAGE = {
  updated_after: {
    description: 'Only what was changed after this time',
    schema: { type: 'string', format: 'date-time' },
    example: '2026-02-25T10:30:00Z',
  },
  limit: {
    description: 'How many a page holds at most',
    schema: { type: 'integer', minimum: 1, maximum: 200, default: 50 },
    example: 50,
  },
  cursor: {
    description: "An earlier page's `next_cursor`: goes on behind that page, and overrides `updated_after`",
    schema: { type: 'string', maxLength: 2000 },
    example: 'WyIyMDI2LTAyLTI1VDEwOjMwOjAwLjAwMDAwMFoiLCJjYW5kaWRhdGUtMTIzIl0',
  },
} as const satisfies Record<string, ParameterDocs>;

/** @param name of what it lists; its schema, where that has no name in the document */
export function pageOf(name: string, schema: JsonSchema = refTo(name)): JsonSchema {
  return {
    title: `${name}Page`,
    type: 'object',
    required: ['data', 'next_cursor'],
    properties: {
      data: { type: 'array', description: 'What was found, at most `limit`', items: schema },
      next_cursor: {
        type: ['string', 'null'],
        description: 'Where the next page begins; null on the last one',
        examples: [PAGE.cursor.example],
      },
    },
  };
}
