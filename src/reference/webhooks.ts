import { eventSchemaName } from '../event-types/event-schemas';
import type { EventType } from '../event-types/event-types.service';
import { refTo } from '../http/json-schema';
import { webhookParameter, WEBHOOK_HEADERS } from './headers';

/** The `webhooks` of the document: what an account's endpoint receives. */
export function webhooksOf(events: readonly EventType[]): Record<string, object> {
  return Object.fromEntries(events.map((type) => [type.event, { post: delivery(type) }]));
}

function delivery({ event, description, samples }: EventType): object {
  const name = eventSchemaName(event);
  return {
    operationId: `on${name}`,
    tags: ['Outgoing webhooks'],
    summary: description,
    security: [],
    parameters: Object.keys(WEBHOOK_HEADERS).map((header) => ({
      $ref: `#/components/parameters/${webhookParameter(header)}`,
    })),
    requestBody: {
      required: true,
      content: {
        'application/json': {
          schema: refTo(name),
          examples: {
            success: { summary: 'It took effect', value: samples.success },
            error: { summary: 'It did not', value: samples.error },
          },
        },
      },
    },
    responses: {
      '2XX': { description: 'Delivered. The body is kept in the delivery log and not read.' },
      '410': { description: 'Nobody is there any more: deliveries rest until the endpoint is enabled again' },
      '4XX': { description: 'Refused. Four more attempts; `408`, `425` and `429` are retried like a failure.' },
      '5XX': { description: 'Failed. Retried after 5 s, 30 s, 2 min and so on; `Retry-After` is kept to.' },
    },
  };
}
