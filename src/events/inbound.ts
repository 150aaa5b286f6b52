import type { OutboundEventType } from './outbound';
import { readUuid } from './uuid';

interface Description {
  /** What the event is about; together with the entity's id it names the entity inside its workspace. */
  readonly entity: string;
  /** The field that identifies the entity; a failed result names it by this alone. */
  readonly id: string;
  /** The result that the event asks for; a handler may answer another (`updated` where the entity existed). */
  readonly asks: OutboundEventType;
  /** Who may send it. */
  readonly from: readonly Sender[];
}

/** An ATS, over REST and as webhooks alike; Carv's own services. */
type Sender = 'ats' | 'carv';

const ATS = ['ats'] as const;
const CARV = ['carv'] as const;
const BOTH = ['ats', 'carv'] as const;

/** What may be asked for. A new event begins here; the compiler names the rest. */
export const INBOUND = {
  'candidate.created': { entity: 'candidate', id: 'candidate_id', asks: 'candidate.created', from: ATS },
  'candidate.updated': { entity: 'candidate', id: 'candidate_id', asks: 'candidate.updated', from: BOTH },
  'candidate.deleted': { entity: 'candidate', id: 'candidate_id', asks: 'candidate.deleted', from: ATS },
  'vacancy.created': { entity: 'vacancy', id: 'vacancy_id', asks: 'vacancy.created', from: ATS },
  'vacancy.updated': { entity: 'vacancy', id: 'vacancy_id', asks: 'vacancy.updated', from: BOTH },
  'vacancy.deleted': { entity: 'vacancy', id: 'vacancy_id', asks: 'vacancy.deleted', from: ATS },
  'application.created': { entity: 'application', id: 'application_id', asks: 'application.created', from: ATS },
  'application.updated': { entity: 'application', id: 'application_id', asks: 'application.updated', from: BOTH },
  'application.deleted': { entity: 'application', id: 'application_id', asks: 'application.deleted', from: ATS },
  'workspace.created': { entity: 'workspace', id: 'client_id', asks: 'workspace.provisioned', from: ATS },
  'workspace.member_added': { entity: 'member', id: 'user_id', asks: 'workspace.member_added', from: ATS },
  'meeting.transcript_ready': { entity: 'meeting', id: 'meeting_id', asks: 'meeting.transcript_ready', from: CARV },
  'meeting.summary_ready': { entity: 'meeting', id: 'meeting_id', asks: 'meeting.summary_ready', from: CARV },
  'meeting.notes_ready': { entity: 'meeting', id: 'meeting_id', asks: 'meeting.notes_ready', from: CARV },
} as const satisfies Record<string, Description>;

export type InboundEventType = keyof typeof INBOUND;
export type AtsEventType = EventFrom<'ats'>;
export type CarvEventType = EventFrom<'carv'>;

type EventFrom<S extends Sender> = {
  [E in InboundEventType]: S extends (typeof INBOUND)[E]['from'][number] ? E : never;
}[InboundEventType];

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

/** The uploaded file that a write, or an entity, names as its `cv`; null for none, and for what never was a file's id. */
export function fileNamedBy(entity: object | null): string | null {
  const { cv } = (entity ?? {}) as { cv?: { carv_file_id?: unknown } | null };
  return readUuid(cv?.carv_file_id);
}
