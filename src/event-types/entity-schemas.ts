import { ApplicationDto } from '../applications/application.dto';
import { CandidateDto } from '../candidates/candidate.dto';
import { mapValues, modelSchemas, type JsonSchema, type JsonSchemas } from '../http/json-schema';
import { VISIBLE_ID } from '../http/visible-id';
import { VacancyDto } from '../vacancies/vacancy.dto';
import { MemberDto, WorkspaceDto } from '../workspaces/workspace.dto';

/** What an entity is called where it is delivered and read, after the class of what is sent. */
const DELIVERED = {
  Candidate: CandidateDto,
  Vacancy: VacancyDto,
  Application: ApplicationDto,
  Workspace: WorkspaceDto,
  Member: MemberDto,
} as const;

/** An operator may provision a workspace without them. */
const NOT_STORED: Readonly<Record<string, readonly string[]>> = { Workspace: ['admin_name', 'admin_email'] };

const AT = { type: 'string', format: 'date-time', examples: ['2026-02-25T10:30:00.123456Z'] } as const;

/** The entities as events bring them, and, as `Stored…`, as reads answer them. */
export function entitySchemas(): JsonSchemas {
  const { FileReference, ...sent } = modelSchemas(Object.values(DELIVERED));
  const found = Object.entries(DELIVERED).map(([name, { name: model }]) => [name, delivered(sent[model])] as const);
  const stored = found.map(([name, schema]) => [`Stored${name}`, withTimes(schema, NOT_STORED[name])] as const);
  return { FileReference: { ...FileReference }, ...Object.fromEntries([...found, ...stored]) };
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

function withTimes({ required = [], properties, ...rest }: JsonSchema, optional: readonly string[] = []): JsonSchema {
  return {
    ...rest,
    required: [...required.filter((name) => !optional.includes(name)), 'created_at', 'updated_at'],
    properties: {
      ...properties,
      created_at: { ...AT, description: 'When it was stored first' },
      updated_at: { ...AT, description: 'When it was stored last' },
    },
  };
}
