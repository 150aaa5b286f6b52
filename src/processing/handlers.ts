import { Injectable } from '@nestjs/common';
import { ApplicationHandlers } from '../applications/applications.handlers';
import { CandidateHandlers } from '../candidates/candidates.handlers';
import type { InboundEventType } from '../events/inbound';
import type { Handler } from '../inbox/handler';
import { MeetingHandlers } from '../meetings/meetings.handlers';
import { VacancyHandlers } from '../vacancies/vacancies.handlers';
import { WorkspaceHandlers } from '../workspaces/workspaces.handlers';

/** Which handler applies which event. An event without a handler does not compile. */
@Injectable()
export class Handlers {
  readonly byEvent: Readonly<Record<InboundEventType, Handler>>;

  constructor(
    candidates: CandidateHandlers,
    vacancies: VacancyHandlers,
    applications: ApplicationHandlers,
    workspaces: WorkspaceHandlers,
    meetings: MeetingHandlers,
  ) {
    this.byEvent = {
      'candidate.created': candidates.apply,
      'candidate.updated': candidates.apply,
      'candidate.deleted': candidates.apply,
      'vacancy.created': vacancies.apply,
      'vacancy.updated': vacancies.apply,
      'vacancy.deleted': vacancies.apply,
      'application.created': applications.apply,
      'application.updated': applications.apply,
      'application.deleted': applications.apply,
      'workspace.created': workspaces.provision,
      'workspace.member_added': workspaces.addMember,
      'meeting.transcript_ready': meetings.passOn,
      'meeting.summary_ready': meetings.passOn,
      'meeting.notes_ready': meetings.passOn,
    };
  }
}
