import type { Type } from '@nestjs/common';
import type { AnswerDocs, BodyDocs, RouteDocs, Shape } from '../http/documented';
import { refTo, type JsonSchema, type JsonSchemas } from '../http/json-schema';
import { bodyExamples } from './body-examples';
import { RATE_LIMIT_HEADERS, refToHeaders } from './headers';
import { problemName } from './problems';
import type { Route } from './routes';

/** An Operation Object of OpenAPI 3.1. */
export type Operation = Readonly<Record<string, unknown>>;

const CONTEXT = { workspace: ['X-ATS-Client-ID'], member: ['X-ATS-Client-ID', 'X-ATS-User-ID'] } as const;

/**
 * What the reference says of a route: its docs, and what follows from its scheme, its body and its headers.
 *
 * @param schemas all that there are, by name
 * @param schemaName the name of a class's schema
 */
export function operationOf(
  route: Route,
  docs: RouteDocs,
  schemas: JsonSchemas,
  schemaName: (type: Type) => string,
): Operation {
  const { id, tag, summary, description, body, answers } = docs;
  const schemaOf = (shape: Shape): JsonSchema => (typeof shape === 'function' ? refTo(schemaName(shape)) : shape);
  const answered = Object.entries(answers).map(([status, answer]) => [
    status,
    response(answer, isKnown(route), schemaOf),
  ]);
  const refused = refusals(route, docs).map((status) => [status, refToResponse(status)]);
  const parameters = parametersOf(docs);
  return {
    operationId: id,
    tags: [tag],
    summary,
    ...(description !== undefined && { description }),
    security: isKnown(route) ? [{ [String(route.scheme)]: [] }] : [],
    ...(parameters.length > 0 && { parameters }),
    ...(body && { requestBody: { required: true, content: contentOf(body, schemaOf, schemas) } }),
    responses: Object.fromEntries([...answered, ...refused]) as object,
  };
}

function parametersOf({ path = {}, query = {}, context, headers = [] }: RouteDocs): object[] {
  const named = [...(context ? CONTEXT[context] : []), ...headers];
  return [
    ...Object.entries(path).map(([name, parameter]) => ({ name, in: 'path', required: true, ...parameter })),
    ...Object.entries(query).map(([name, { example, schema, ...parameter }]) => ({
      name,
      in: 'query',
      ...parameter,
      // In the schema: pages that try the API out would send an optional parameter's own example.
      schema: { ...schema, examples: [example] },
    })),
    ...named.map((name) => ({ $ref: `#/components/parameters/${name}` })),
  ];
}

/** Whether its callers are known, and so charged to an account. */
function isKnown({ scheme }: Route): boolean {
  return scheme !== undefined && scheme !== 'none';
}

/** Ids of an ATS's own are checked for their form; where ours are malformed there is just no such thing. */
function hasId({ path = {} }: RouteDocs): boolean {
  return Object.values(path).some(({ schema }) => schema.maxLength !== undefined);
}

function refusals(route: Route, docs: RouteDocs): number[] {
  const checked =
    docs.context !== undefined ||
    docs.headers?.includes('Idempotency-Key') === true ||
    hasId(docs) ||
    docs.query !== undefined;
  const statuses = new Set([
    400,
    500,
    ...(isKnown(route) ? [401, 429, 503] : []),
    ...(docs.body ? [413, 415, 422] : checked ? [422] : []),
    ...(docs.refuses ?? []),
  ]);
  return [...statuses].sort((a, b) => a - b);
}

function response(
  { description, shape, type, headers, example }: AnswerDocs,
  known: boolean,
  schemaOf: (shape: Shape) => JsonSchema,
): object {
  const content = { schema: shape && schemaOf(shape), ...(example !== undefined && { example }) };
  return {
    description,
    ...refToHeaders([...(headers ?? []), ...(known ? RATE_LIMIT_HEADERS : [])]),
    ...(shape && { content: { [type ?? 'application/json']: content } }),
  };
}

function contentOf({ shape, types }: BodyDocs, schemaOf: (shape: Shape) => JsonSchema, schemas: JsonSchemas): object {
  const schema = schemaOf(shape);
  return Object.fromEntries(
    (types ?? ['application/json']).map((type) => {
      return [type, { schema, ...(type.endsWith('json') && bodyExamples(schema, schemas)) }];
    }),
  );
}

function refToResponse(status: number): object {
  return { $ref: `#/components/responses/${problemName(status)}` };
}
