import type { OutboundEventType } from '../events/outbound';
import { refTo, type JsonSchema, type JsonSchemas } from '../http/json-schema';
import { DESCRIPTIONS, RESULT_ERROR } from './descriptions';
import { entitySchemas } from './entity-schemas';

const REFERENCE_ID = '019db49a-860b-74cb-8199-635ca3ad7f59';
const EVENT_ID = `evt_${REFERENCE_ID.replaceAll('-', '')}`;

/** Every schema that an event is made of, by name; references are as in an OpenAPI document. */
export function eventComponents(): JsonSchemas {
  const parts = { ...entitySchemas(), ResultError: RESULT_ERROR };
  const events = (Object.keys(DESCRIPTIONS) as OutboundEventType[]).map((event) => {
    return [eventSchemaName(event), envelope(event, parts)] as const;
  });
  const mapping = events.map(([name, { title }]) => [String(title), `#/components/schemas/${name}`] as const);
  const ResultEvent: JsonSchema = {
    description: 'One of the outgoing events',
    oneOf: events.map(([name]) => refTo(name)),
    discriminator: { propertyName: 'event', mapping: Object.fromEntries(mapping) },
  };
  return { ...parts, ...Object.fromEntries(events), ResultEvent };
}

/** `candidate.created` is `CandidateCreatedEvent`. */
export function eventSchemaName(event: OutboundEventType): string {
  const words = event.split(/[._]/).map((word) => word.charAt(0).toUpperCase() + word.slice(1));
  return `${words.join('')}Event`;
}

/** The body of `toEnvelope`. */
function envelope(event: OutboundEventType, parts: JsonSchemas): JsonSchema {
  const { description, data, entity, id } = DESCRIPTIONS[event];
  const idOnly = { type: 'object', required: [id], properties: { [id]: parts[entity]?.properties?.[id] ?? {} } };
  const properties: Record<string, JsonSchema> = {
    event: { const: event, description: 'The event type', examples: [event] },
    event_id: {
      type: 'string',
      pattern: '^evt_[0-9a-f]{32}$',
      description: 'The same on every attempt: who has seen it has handled it',
      examples: [EVENT_ID],
    },
    reference_id: {
      type: 'string',
      format: 'uuid',
      description: 'Names the write that this is the result of, and its trace',
      examples: [REFERENCE_ID],
    },
    client_id: { type: 'string', description: 'Whose workspace it is about', examples: ['your-client-id'] },
    timestamp: {
      type: 'string',
      format: 'date-time',
      description: 'When the write was processed',
      examples: ['2026-02-25T10:30:00Z'],
    },
    status: { enum: ['success', 'error'], description: 'Whether the write took effect', examples: ['success'] },
    error: { description: 'Why it did not; null on success', oneOf: [{ type: 'null' }, refTo('ResultError')] },
    data: { type: 'object', description: 'What there is now; on an error, what the write named' },
  };
  return {
    title: event,
    description,
    type: 'object',
    required: Object.keys(properties),
    properties,
    oneOf: [
      {
        title: 'Success',
        required: ['status', 'error', 'data'],
        properties: {
          status: { const: 'success' },
          error: { type: 'null' },
          data: data === null ? idOnly : refTo(data),
        },
      },
      {
        title: 'Error',
        required: ['status', 'error', 'data'],
        properties: { status: { const: 'error' }, error: refTo('ResultError'), data: idOnly },
      },
    ],
  };
}
