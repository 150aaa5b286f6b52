import { ApplicationDto } from '../applications/application.dto';
import { CandidateDto } from '../candidates/candidate.dto';
import { mapValues, modelSchemas, type JsonSchema, type JsonSchemas } from '../http/json-schema';
import { VISIBLE_ID } from '../http/visible-id';
import { MeetingNotes, MeetingSummary, MeetingTranscript } from '../meetings/meeting.dto';
import { VacancyDto } from '../vacancies/vacancy.dto';
import { MemberDto, WorkspaceDto } from '../workspaces/workspace.dto';

/** What an entity is called where it is delivered and read, after the class of what is sent. */
const DELIVERED = {
  Candidate: CandidateDto,
  Vacancy: VacancyDto,
  Application: ApplicationDto,
  Workspace: WorkspaceDto,
  Member: MemberDto,
  MeetingTranscript,
  MeetingSummary,
  MeetingNotes,
} as const;

/** An operator may provision a workspace without them. */
const NOT_STORED: Readonly<Record<string, readonly string[]>> = { Workspace: ['admin_name', 'admin_email'] };

const AT = { type: 'string', format: 'date-time', examples: ['2026-02-25T10:30:00.123456Z'] } as const;

const TIMES: JsonSchemas = {
  created_at: { ...AT, description: 'When it was stored first' },
  updated_at: { ...AT, description: 'When it was stored last' },
};

/** What becomes known of an application while its creation is processed, and stays with it. */
const SCORE: JsonSchemas = {
  score: {
    type: ['integer', 'null'],
    minimum: 0,
    maximum: 100,
    description: 'How well the candidate fits the vacancy; null where that cannot be said, with the reason',
    examples: [82],
  },
  score_reasons: {
    type: 'array',
    items: { type: 'string' },
    description: 'Why, in sentences for a recruiter',
    examples: [['5 of 6 required skills found']],
  },
  scored_by: { type: 'string', description: 'What the score was made by', examples: ['baseline'] },
};

/** The entities as events bring them, as reads answer them (`Stored…`), and what stands inside them. */
export function entitySchemas(): JsonSchemas {
  const models = modelSchemas(Object.values(DELIVERED));
  const schemas = Object.entries(DELIVERED).map(([name, { name: model }]) => [name, delivered(models[model])] as const);
  const entities = Object.fromEntries(schemas);
  entities.Application = withFields(entities.Application, SCORE);
  const stored = Object.entries(entities).map(([name, schema]) => {
    return [`Stored${name}`, withFields(schema, TIMES, Object.keys(TIMES), NOT_STORED[name])] as const;
  });
  return {
    ...models,
    ...entities,
    ScoredApplication: withFields(entities.Application, {}, Object.keys(SCORE)),
    ...Object.fromEntries(stored),
  };
}

/**
 * What is sent, normalised: fields that were null are absent, and limits of length are about what is sent. Members may
 * be added to it in later versions, so what is not described is not forbidden.
 */
function delivered(sent: JsonSchema = {}): JsonSchema {
  return {
    type: 'object',
    ...(sent.required && { required: sent.required }),
    properties: mapValues(sent.properties ?? {}, field),
  };
}

const LIMITS = ['minLength', 'maxLength', 'maxItems', 'pattern'];

function field(sent: JsonSchema): JsonSchema {
  if (sent.pattern === VISIBLE_ID.source) return sent;
  const { type, oneOf, enum: choices, items, ...others } = sent;
  const options = oneOf?.filter((option) => option.type !== 'null').map(field);
  return {
    ...Object.fromEntries(Object.entries(others).filter(([keyword]) => !LIMITS.includes(keyword))),
    ...(type !== undefined && { type: [type].flat().find((name) => name !== 'null') ?? 'null' }),
    ...(options && (options.length === 1 ? options[0] : { oneOf: options })),
    ...(Array.isArray(choices) && { enum: choices.filter((choice) => choice !== null) }),
    ...(items && { items: field(items) }),
  };
}

function withFields(
  { required = [], properties, ...rest }: JsonSchema = {},
  fields: JsonSchemas,
  alsoRequired: readonly string[] = [],
  optional: readonly string[] = [],
): JsonSchema {
  return {
    ...rest,
    required: [...required.filter((name) => !optional.includes(name)), ...alsoRequired],
    properties: { ...properties, ...fields },
  };
}
