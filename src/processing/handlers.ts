import { Injectable } from '@nestjs/common';
import { CandidateHandlers } from '../candidates/candidates.handlers';
import type { InboundEventType } from '../events/inbound';
import type { Handler } from '../inbox/handler';
import { WorkspaceHandlers } from '../workspaces/workspaces.handlers';

/** Which handler applies which event. An event without a handler does not compile. */
@Injectable()
export class Handlers {
  readonly byEvent: Readonly<Record<InboundEventType, Handler>>;

  constructor(candidates: CandidateHandlers, workspaces: WorkspaceHandlers) {
    this.byEvent = {
      'candidate.created': candidates.apply,
      'candidate.updated': candidates.apply,
      'candidate.deleted': candidates.apply,
      'workspace.created': workspaces.provision,
      'workspace.member_added': workspaces.addMember,
    };
  }
}
