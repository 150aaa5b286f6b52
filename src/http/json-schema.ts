import type { INestApplication, Type } from '@nestjs/common';
import { SwaggerModule } from '@nestjs/swagger';

/** A JSON Schema of the draft 2020-12, which is also what OpenAPI 3.1 has. */
export interface JsonSchema {
  type?: string | readonly string[];
  properties?: Readonly<Record<string, JsonSchema>>;
  required?: readonly string[];
  items?: JsonSchema;
  oneOf?: readonly JsonSchema[];
  examples?: readonly unknown[];
  [keyword: string]: unknown;
}

export type JsonSchemas = Record<string, JsonSchema>;

/** As the library writes them: OpenAPI 3.0. */
type OldSchema = JsonSchema & { nullable?: boolean; example?: unknown; enum?: unknown[]; allOf?: JsonSchema[] };

/** The library writes schemas only into the document of an application, so it gets one without routes. */
const NO_ROUTES = {
  container: { getModules: () => new Map() },
  getHttpAdapter: () => ({ getType: () => 'express' }),
} as unknown as INestApplication;

/** The schemas of classes whose fields are described (`fields.ts`), and of those that they refer to, by name. */
export function modelSchemas(classes: readonly Type[]): JsonSchemas {
  const config = { openapi: '3.1.0', info: { title: '', version: '' } };
  const { components } = SwaggerModule.createDocument(NO_ROUTES, config, { extraModels: [...classes] });
  const schemas = Object.entries(components?.schemas ?? {});
  return Object.fromEntries(schemas.map(([name, schema]) => [name, modernise(schema as OldSchema)]));
}

export function refTo(name: string): JsonSchema {
  return { $ref: `#/components/schemas/${name}` };
}

/** What 3.1 calls otherwise: `nullable` is a type, and `example` one of several. */
function modernise({ nullable, example, properties, items, oneOf, allOf, ...rest }: OldSchema): JsonSchema {
  const schema: OldSchema = { ...rest };
  if (properties) schema.properties = mapValues(properties, modernise);
  if (items) schema.items = modernise(items);
  if (oneOf) schema.oneOf = oneOf.map(modernise);
  // Around a lone reference, which in 3.0 could have nothing beside it.
  if (allOf?.length === 1) Object.assign(schema, allOf[0]);
  else if (allOf) schema.allOf = allOf.map(modernise);
  if (example !== undefined) schema.examples = [example];
  return nullable === true ? orNull(schema) : schema;
}

function orNull({ $ref, ...schema }: OldSchema): JsonSchema {
  if ($ref !== undefined) return { ...schema, oneOf: [{ $ref }, { type: 'null' }] };
  if (schema.oneOf) return { ...schema, oneOf: [...schema.oneOf, { type: 'null' }] };
  return {
    ...schema,
    type: [schema.type as string, 'null'],
    ...(schema.enum && { enum: [...schema.enum, null] }),
  };
}

export function mapValues<T, U>(object: Readonly<Record<string, T>>, map: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, map(value)]));
}
