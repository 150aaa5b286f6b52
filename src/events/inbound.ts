import type { OutboundEventType } from './outbound';

interface Description {
  /** What the event is about; together with the entity's id it names the entity inside its workspace. */
  readonly entity: string;
  /** The field that identifies the entity; a failed result names it by this alone. */
  readonly id: string;
  /** The result that the event asks for; a handler may answer another (`updated` where the entity existed). */
  readonly asks: OutboundEventType;
}

/** What an ATS may ask for, over REST and as webhooks alike. A new event begins here; the compiler names the rest. */
export const INBOUND = {
  'candidate.created': { entity: 'candidate', id: 'candidate_id', asks: 'candidate.created' },
  'candidate.updated': { entity: 'candidate', id: 'candidate_id', asks: 'candidate.updated' },
  'candidate.deleted': { entity: 'candidate', id: 'candidate_id', asks: 'candidate.deleted' },
  'vacancy.created': { entity: 'vacancy', id: 'vacancy_id', asks: 'vacancy.created' },
  'vacancy.updated': { entity: 'vacancy', id: 'vacancy_id', asks: 'vacancy.updated' },
  'vacancy.deleted': { entity: 'vacancy', id: 'vacancy_id', asks: 'vacancy.deleted' },
  'application.created': { entity: 'application', id: 'application_id', asks: 'application.created' },
  'application.updated': { entity: 'application', id: 'application_id', asks: 'application.updated' },
  'application.deleted': { entity: 'application', id: 'application_id', asks: 'application.deleted' },
  'workspace.created': { entity: 'workspace', id: 'client_id', asks: 'workspace.provisioned' },
  'workspace.member_added': { entity: 'member', id: 'user_id', asks: 'workspace.member_added' },
} as const satisfies Record<string, Description>;

export type InboundEventType = keyof typeof INBOUND;

/** The way a flow came in. */
export type Source = 'rest' | 'webhook' | 'portal' | 'internal' | 'cli';

/** One accepted write, as its handler gets it. */
export interface Write {
  readonly referenceId: string;
  readonly atsId: string;
  readonly clientId: string;
  /** The member on whose behalf the ATS wrote, or null where the write names none. */
  readonly userId: string | null;
  readonly event: InboundEventType;
  readonly entityId: string;
  /** Validated when it was accepted: an instance of the event's DTO that went through JSON. */
  readonly payload: unknown;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The uploaded file that a write, or an entity, names as its `cv`; null for none, and for what never was a file's id. */
export function fileNamedBy(entity: object | null): string | null {
  const { cv } = (entity ?? {}) as { cv?: { carv_file_id?: unknown } | null };
  const id = cv?.carv_file_id;
  return typeof id === 'string' && UUID.test(id) ? id.toLowerCase() : null;
}
