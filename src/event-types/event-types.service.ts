import { Injectable } from '@nestjs/common';
import type { OutboundEventType } from '../events/outbound';
import type { JsonSchema, JsonSchemas } from '../http/json-schema';
import { DESCRIPTIONS } from './descriptions';
import { eventComponents, eventSchemaName } from './event-schemas';
import { namesIn, sampleEvent } from './samples';

export interface EventType {
  readonly event: OutboundEventType;
  readonly description: string;
  /** Of the whole body; complete in itself (draft 2020-12). */
  readonly schema: JsonSchema;
  /** A body of each kind that the schema describes. */
  readonly samples: { readonly success: object; readonly error: object };
}

/** The outgoing events, as the reference, the webhooks of its document and the sandbox show them. */
@Injectable()
export class EventTypes {
  /** The schemas of all events and of what they are made of, as an OpenAPI document has them. */
  readonly components: JsonSchemas = eventComponents();

  private readonly byName = new Map<string, EventType>(
    (Object.keys(DESCRIPTIONS) as OutboundEventType[]).map((event) => [event, this.describe(event)]),
  );

  all(): EventType[] {
    return [...this.byName.values()];
  }

  find(event: string): EventType | undefined {
    return this.byName.get(event);
  }

  private describe(event: OutboundEventType): EventType {
    const schema = this.components[eventSchemaName(event)] ?? {};
    return {
      event,
      description: DESCRIPTIONS[event].description,
      schema: selfContained(schema, this.components),
      samples: {
        success: sampleEvent(schema, 0, this.components),
        error: sampleEvent(schema, 1, this.components),
      },
    };
  }
}

function selfContained(schema: JsonSchema, components: JsonSchemas): JsonSchema {
  const names = namesIn(schema, components);
  const parts = Object.entries(components).filter(([name]) => names.has(name));
  const whole = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    ...schema,
    $defs: Object.fromEntries(parts),
  };
  return JSON.parse(JSON.stringify(whole).replaceAll('"#/components/schemas/', '"#/$defs/')) as JsonSchema;
}
