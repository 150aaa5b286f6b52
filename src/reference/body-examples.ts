import { sampleOf } from '../event-types/samples';
import { isObject } from '../http/json';
import type { JsonSchema, JsonSchemas } from '../http/json-schema';

/** Bodies that may be sent as they stand, made of the examples of their fields: one, or one for each event. */
export function bodyExamples(schema: JsonSchema, schemas: JsonSchemas): object {
  const name = typeof schema.$ref === 'string' ? schema.$ref.slice(schema.$ref.lastIndexOf('/') + 1) : '';
  const { oneOf } = schemas[name] ?? schema;
  if (oneOf === undefined) return { example: example(schema, schemas) };
  const examples = oneOf.map((option) => {
    const value = example(option, schemas);
    return [value.event, { summary: value.event, value }];
  });
  return { examples: Object.fromEntries(examples) as object };
}

/** Without the file: it would have to be uploaded first. */
function example(schema: JsonSchema, schemas: JsonSchemas): Record<string, unknown> {
  const sample = sampleOf(schema, schemas);
  const { cv: _cv, ...body } = isObject(sample) ? sample : {};
  return body;
}
