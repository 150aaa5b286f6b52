import type { JsonSchema } from '../http/json-schema';

const AT: JsonSchema = {
  type: 'string',
  format: 'date-time',
  description: 'When',
  examples: ['2026-02-25T10:30:00.000Z'],
};

const RESULT = { enum: ['success', 'error'], examples: ['success'] } as const;

function entry(stages: readonly string[], properties: Record<string, JsonSchema> = {}): JsonSchema {
  const stage: JsonSchema = { enum: stages, description: 'What happened', examples: [stages[0]] };
  const all = { at: AT, stage, ...properties };
  return { title: stages.join(', '), type: 'object', required: Object.keys(all), properties: all };
}

const ATTEMPT = entry(['attempt'], {
  number: { type: 'integer', minimum: 1, description: 'Which attempt', examples: [1] },
  outcome: {
    enum: ['success', 'failure', 'error'],
    description: '`failure`: your endpoint answered no; `error`: it did not answer',
    examples: ['failure'],
  },
  status_code: { type: ['integer', 'null'], description: 'What your endpoint answered', examples: [500] },
  duration_ms: { type: 'integer', minimum: 0, description: 'How long it took, in milliseconds', examples: [12] },
  next_attempt_at: {
    type: ['string', 'null'],
    format: 'date-time',
    description: 'When the next attempt is due; null where there is none',
    examples: ['2026-02-25T10:30:05.000Z'],
  },
});

const SUMMARY = {
  reference_id: {
    type: 'string',
    format: 'uuid',
    description: 'What the write answered',
    examples: ['019db49a-860b-74cb-8199-635ca3ad7f59'],
  },
  client_id: { type: 'string', description: 'Whose workspace it changes', examples: ['your-client-id'] },
  event: {
    type: 'string',
    description: 'The result event; before there is one, the event that was asked for',
    examples: ['candidate.created'],
  },
  source: {
    enum: ['rest', 'webhook', 'portal', 'internal', 'cli'],
    description: 'The way it came in',
    examples: ['rest'],
  },
  result: { enum: ['success', 'error', null], description: 'Null until it is processed', examples: ['success'] },
  status: {
    enum: ['accepted', 'processed', 'delivered', 'dead', 'discarded'],
    description: '`dead`: all attempts failed; `discarded`: taken out by an operator. Both can be redelivered.',
    examples: ['delivered'],
  },
} as const satisfies Record<string, JsonSchema>;

/** `FlowTrace` as the reference describes it. */
export const FLOW_SCHEMA: JsonSchema = {
  title: 'Flow',
  type: 'object',
  required: [...Object.keys(SUMMARY), 'timeline'],
  properties: {
    ...SUMMARY,
    timeline: {
      type: 'array',
      description: 'What happened, oldest first',
      items: {
        oneOf: [
          entry(['accepted']),
          entry(['processed'], { status: { ...RESULT, description: 'What came of it' } }),
          ATTEMPT,
          entry(['delivered', 'dead', 'discarded']),
        ],
      },
    },
  },
};

/** `FlowSummary` as the reference describes it. */
export const FLOW_SUMMARY_SCHEMA: JsonSchema = {
  title: 'FlowSummary',
  type: 'object',
  required: [...Object.keys(SUMMARY), 'entity_id', 'accepted_at'],
  properties: {
    ...SUMMARY,
    entity_id: { type: 'string', description: 'The entity in the ATS', examples: ['candidate-123'] },
    accepted_at: { ...AT, description: 'When it was accepted' },
  },
};
