import type { OutboundEventType } from '../events/outbound';
import type { JsonSchema } from '../http/json-schema';

interface Described {
  readonly description: string;
  /** The schema of a success's `data`: by name; null: the id alone. */
  readonly data: string | null;
  /** The entity whose field identifies it; a failure's `data` holds this alone. */
  readonly entity: string;
  readonly id: string;
}

type Entity = 'candidate' | 'vacancy' | 'application';

function ofEntity<E extends Entity>(entity: E, schema: string, one: string): Record<`${E}.${Verb}`, Described> {
  const id = `${entity}_id`;
  const about = { entity: schema, id };
  return {
    [`${entity}.created`]: { ...about, data: schema, description: `${one} was created` },
    [`${entity}.updated`]: { ...about, data: schema, description: `${one} was changed, or replaced` },
    [`${entity}.deleted`]: { ...about, data: null, description: `${one} was deleted` },
  } as Record<`${E}.${Verb}`, Described>;
}

type Verb = 'created' | 'updated' | 'deleted';

const meeting = (data: string, what: string): Described => ({
  data,
  entity: data,
  id: 'meeting_id',
  description: `${what} of a meeting is ready`,
});

/** The fourteen outgoing events; one without a line does not compile. */
export const DESCRIPTIONS: Readonly<Record<OutboundEventType, Described>> = {
  ...ofEntity('candidate', 'Candidate', 'A candidate'),
  ...ofEntity('vacancy', 'Vacancy', 'A vacancy'),
  ...ofEntity('application', 'Application', 'An application'),
  'application.created': {
    entity: 'Application',
    id: 'application_id',
    data: 'ScoredApplication',
    description: 'An application was created, and scored',
  },
  'meeting.transcript_ready': meeting('MeetingTranscript', 'The transcript'),
  'meeting.summary_ready': meeting('MeetingSummary', 'The summary'),
  'meeting.notes_ready': meeting('MeetingNotes', 'The notes'),
  'workspace.provisioned': {
    data: 'Workspace',
    entity: 'Workspace',
    id: 'client_id',
    description: 'A workspace was provisioned, or changed',
  },
  'workspace.member_added': {
    data: 'Member',
    entity: 'Member',
    id: 'user_id',
    description: 'A member was added to a workspace, or changed',
  },
};

/** Why a write came to nothing. */
export const RESULT_ERROR: JsonSchema = {
  type: 'object',
  required: ['code', 'message'],
  properties: {
    code: {
      enum: ['not_found', 'unknown_candidate', 'unknown_vacancy', 'file_unavailable', 'internal_error'],
      description: 'For programs; more codes may be added',
      examples: ['not_found'],
    },
    message: {
      type: 'string',
      description: 'For developers',
      examples: ['There is no candidate candidate-123 in this workspace'],
    },
  },
};
