import { isObject } from '../http/json';
import type { JsonSchema, JsonSchemas } from '../http/json-schema';

/** A value that the schema describes, made of its own examples. */
export function sampleOf(schema: JsonSchema, schemas: JsonSchemas): unknown {
  const [example] = schema.examples ?? [];
  if (example !== undefined) return example;
  if ('const' in schema) return schema.const;
  if (schema.type === 'null') return null;
  if (typeof schema.$ref === 'string') return sampleOf(schemas[nameIn(schema.$ref)] ?? {}, schemas);
  if (schema.properties) return sampleObject(schema.properties, schemas);
  const [option] = schema.oneOf ?? [];
  return option ? sampleOf(option, schemas) : undefined;
}

function sampleObject(properties: Readonly<Record<string, JsonSchema>>, schemas: JsonSchemas): object {
  return Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, sampleOf(schema, schemas)]));
}

/**
 * The body of an event: its envelope, with what is particular to the variant (`oneOf`), a success or an error.
 *
 * @param variant its place in `oneOf`
 */
export function sampleEvent(schema: JsonSchema, variant: number, schemas: JsonSchemas): object {
  const particular = sampleObject(schema.oneOf?.[variant]?.properties ?? {}, schemas);
  return { ...sampleObject(schema.properties ?? {}, schemas), ...particular };
}

/** The names of all schemas that this one refers to, directly or by way of others. */
export function namesIn(schema: unknown, schemas: JsonSchemas, found = new Set<string>()): Set<string> {
  if (Array.isArray(schema)) for (const item of schema) namesIn(item, schemas, found);
  if (!isObject(schema)) return found;
  for (const [keyword, value] of Object.entries(schema)) {
    if (keyword !== '$ref' || typeof value !== 'string') namesIn(value, schemas, found);
    else if (!found.has(nameIn(value))) namesIn(schemas[nameIn(value)], schemas, found.add(nameIn(value)));
  }
  return found;
}

function nameIn(reference: string): string {
  return reference.slice(reference.lastIndexOf('/') + 1);
}
