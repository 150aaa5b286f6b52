import { Controller, Get, Header, Param } from '@nestjs/common';
import { Auth } from '../auth/caller';
import { DomainError } from '../errors';
import { Documented } from '../http/documented';
import type { JsonSchema } from '../http/json-schema';
import { EventTypes, type EventType } from './event-types.service';

const CACHED = 'public, max-age=300';

const EVENT: JsonSchema = { type: 'string', description: 'The event type', examples: ['candidate.created'] };
const DESCRIPTION: JsonSchema = { type: 'string', description: 'What happened', examples: ['A candidate was created'] };

/** Public: they are the same for everybody, and who writes a receiver may have no account yet. */
@Auth('none')
@Controller('v1/event-types')
export class EventTypesController {
  constructor(private readonly types: EventTypes) {}

  @Get()
  @Header('Cache-Control', CACHED)
  @Documented({
    id: 'listEventTypes',
    tag: 'Event types',
    summary: 'List the outgoing event types',
    answers: {
      200: {
        description: 'All of them',
        shape: {
          title: 'EventTypes',
          type: 'object',
          required: ['data'],
          properties: {
            data: {
              type: 'array',
              description: 'One for each',
              items: {
                type: 'object',
                required: ['event', 'description'],
                properties: { event: EVENT, description: DESCRIPTION },
              },
            },
          },
        },
      },
    },
  })
  list(): { data: Pick<EventType, 'event' | 'description'>[] } {
    return { data: this.types.all().map(({ event, description }) => ({ event, description })) };
  }

  @Get(':event')
  @Header('Cache-Control', CACHED)
  @Documented({
    id: 'getEventType',
    tag: 'Event types',
    summary: 'Read the JSON Schema of an outgoing event',
    path: { event: { description: 'The event type', schema: { type: 'string' }, example: 'candidate.created' } },
    answers: {
      200: {
        description: 'Its schema, and a sample of each kind of body',
        shape: {
          title: 'EventType',
          type: 'object',
          required: ['event', 'description', 'schema', 'samples'],
          properties: {
            event: EVENT,
            description: DESCRIPTION,
            schema: {
              type: 'object',
              description: 'A JSON Schema (draft 2020-12) of the whole body, complete in itself',
              additionalProperties: true,
            },
            samples: {
              type: 'object',
              description: 'Bodies that the schema describes',
              required: ['success', 'error'],
              properties: {
                success: { type: 'object', description: 'Of a success', additionalProperties: true },
                error: { type: 'object', description: 'Of an error', additionalProperties: true },
              },
            },
          },
        },
      },
    },
    refuses: [404],
  })
  find(@Param('event') event: string): EventType {
    const found = this.types.find(event);
    if (found === undefined) throw new DomainError('not_found', 'There is no such event type');
    return found;
  }
}
