import { Injectable } from '@nestjs/common';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020';
import addFormats from 'ajv-formats';
import type { FieldFault } from '../errors';
import { isObject } from '../http/json';
import type { JsonSchema } from '../http/json-schema';
import type { EventType } from './event-types.service';
import { faultsOf } from './fault-words';

/** What is wrong with a body that is to pass for an event. */
@Injectable()
export class EventFaults {
  private readonly ajv = {
    all: addFormats(new Ajv2020({ strict: false, verbose: true, allErrors: true })),
    first: addFormats(new Ajv2020({ strict: false, verbose: true })),
  };
  /** Compiled when first asked for: one takes some milliseconds, and most processes are never asked. */
  private readonly validators = new Map<string, ValidateFunction>();

  /**
   * By the event's schema; none: it is valid.
   *
   * @param wanted of a large body the first only: a hundred thousand faults took 0.4 s to collect
   */
  find(type: EventType, body: unknown, wanted: 'all' | 'first' = 'all'): FieldFault[] {
    const variant = isObject(body) && body.status === 'error' ? 1 : 0;
    const name = `${type.event} ${variant} ${wanted}`;
    const validate = this.validators.get(name) ?? this.ajv[wanted].compile(variantOf(type.schema, variant));
    this.validators.set(name, validate);
    return validate(body) ? [] : faultsOf(validate.errors ?? []);
  }
}

/** Held against both variants a fault would be told twice, once for the one that was not meant. */
function variantOf({ oneOf = [], ...schema }: JsonSchema, variant: number): JsonSchema {
  const { error = {}, data = {} } = oneOf[variant]?.properties ?? {};
  return { ...schema, properties: { ...schema.properties, error, data } };
}
