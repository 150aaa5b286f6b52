import { ApplicationUpdate } from '../applications/application.dto';
import { CandidateUpdate } from '../candidates/candidate.dto';
import { invalid } from '../errors';
import type { CarvEventType } from '../events/inbound';
import { isObject } from '../http/json';
import { VISIBLE_ID, VISIBLE_ID_RULE } from '../http/visible-id';
import { parseFlatEvent, type EventForm, type FlatEvent } from '../inbox/flat-event';
import { MeetingNotes, MeetingSummary, MeetingTranscript } from '../meetings/meeting.dto';
import { VacancyUpdate } from '../vacancies/vacancy.dto';

/** An enrichment has the form of the webhook by which an ATS changes the same entity, but no member stands behind it. */
const FORMS = {
  'candidate.updated': { dto: CandidateUpdate, id: 'candidate_id', byMember: false },
  'vacancy.updated': { dto: VacancyUpdate, id: 'vacancy_id', byMember: false },
  'application.updated': { dto: ApplicationUpdate, id: 'application_id', byMember: false },
  'meeting.transcript_ready': { dto: MeetingTranscript, id: 'meeting_id', byMember: false },
  'meeting.summary_ready': { dto: MeetingSummary, id: 'meeting_id', byMember: false },
  'meeting.notes_ready': { dto: MeetingNotes, id: 'meeting_id', byMember: false },
} satisfies Record<CarvEventType, EventForm>;

/** @throws {DomainError} 422 naming what is wrong */
export function parseInternalEvent(body: unknown): FlatEvent & { readonly atsId: string } {
  if (!isObject(body)) throw invalid([{ field: 'body', message: 'must be a JSON object' }]);
  const { ats_id: atsId, ...event } = body;
  if (typeof atsId !== 'string' || !VISIBLE_ID.test(atsId)) {
    throw invalid([{ field: 'ats_id', message: atsId === undefined ? 'is required' : VISIBLE_ID_RULE }]);
  }
  return { atsId, ...parseFlatEvent(FORMS, event) };
}
