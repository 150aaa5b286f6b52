import type { AtsEventType } from '../events/inbound';
import { modelSchemas, refTo, type JsonSchema, type JsonSchemas } from '../http/json-schema';
import type { EventForm } from '../inbox/flat-event';
import { FORMS } from './parser';

const ID: JsonSchema = { type: 'string', minLength: 1, maxLength: 200 };

/** What `POST /v1/webhooks/{ats_id}` takes: `IncomingEvent`, and the events that it may be. */
export function incomingSchemas(): JsonSchemas {
  const models = modelSchemas(Object.values(FORMS).map(({ dto }) => dto));
  const events = Object.entries(FORMS) as [AtsEventType, EventForm][];
  const schemas = events.map(([event, form]) => [nameOf(event), flat(event, form, models[form.dto.name])] as const);
  return {
    ...Object.fromEntries(schemas),
    IncomingEvent: {
      type: 'object',
      description: 'The event, flat: its envelope and the fields of its REST twin side by side',
      required: ['event'],
      discriminator: {
        propertyName: 'event',
        mapping: Object.fromEntries(events.map(([event]) => [event, refTo(nameOf(event)).$ref])),
      },
      oneOf: schemas.map(([name]) => refTo(name)),
    },
  };
}

/** The envelope's fields and the entity's own. */
function flat(event: AtsEventType, { byMember, shared }: EventForm, model: JsonSchema = {}): JsonSchema {
  const envelope = {
    event: { const: event, description: 'What happened', examples: [event] },
    event_id: { ...ID, description: 'Yours; repeated, the event takes effect once', examples: [`${event}-1`] },
    client_id: {
      ...ID,
      description: "The client's id in the ATS: it names the workspace",
      examples: ['your-client-id'],
    },
    user_id: { ...ID, description: 'On whose behalf', examples: ['your-user-id'] },
  };
  const required = ['event', 'event_id', 'client_id', ...(byMember || shared === 'user_id' ? ['user_id'] : [])];
  return {
    type: 'object',
    required: [...new Set([...required, ...(model.required ?? [])])],
    properties: { ...envelope, ...model.properties },
    additionalProperties: false,
  };
}

/** `candidate.created` is `IncomingCandidateCreated`. */
function nameOf(event: string): string {
  const words = event.split(/[._]/).map((word) => word.charAt(0).toUpperCase() + word.slice(1));
  return `Incoming${words.join('')}`;
}
