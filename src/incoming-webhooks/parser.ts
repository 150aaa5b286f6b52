import { ApplicationDto, ApplicationId, ApplicationUpdate } from '../applications/application.dto';
import { CandidateDto, CandidateId, CandidateUpdate } from '../candidates/candidate.dto';
import type { AtsEventType } from '../events/inbound';
import { parseFlatEvent, type EventForm, type FlatEvent } from '../inbox/flat-event';
import { VacancyDto, VacancyId, VacancyUpdate } from '../vacancies/vacancy.dto';
import { MemberDto, WorkspaceDto } from '../workspaces/workspace.dto';

/** Each event's form; its REST twin has the same DTO, so both ways accept the same. */
export const FORMS = {
  'candidate.created': { dto: CandidateDto, id: 'candidate_id', byMember: true },
  'candidate.updated': { dto: CandidateUpdate, id: 'candidate_id', byMember: true },
  'candidate.deleted': { dto: CandidateId, id: 'candidate_id', byMember: true },
  'vacancy.created': { dto: VacancyDto, id: 'vacancy_id', byMember: true },
  'vacancy.updated': { dto: VacancyUpdate, id: 'vacancy_id', byMember: true },
  'vacancy.deleted': { dto: VacancyId, id: 'vacancy_id', byMember: true },
  'application.created': { dto: ApplicationDto, id: 'application_id', byMember: true },
  'application.updated': { dto: ApplicationUpdate, id: 'application_id', byMember: true },
  'application.deleted': { dto: ApplicationId, id: 'application_id', byMember: true },
  'workspace.created': { dto: WorkspaceDto, id: 'client_id', shared: 'client_id', byMember: false },
  'workspace.member_added': { dto: MemberDto, id: 'user_id', shared: 'user_id', byMember: false },
} satisfies Record<AtsEventType, EventForm>;

/** @throws {DomainError} 422 naming every field of the envelope, or else of the entity, that is wrong */
export function parseEvent(body: unknown): FlatEvent {
  return parseFlatEvent(FORMS, body);
}
