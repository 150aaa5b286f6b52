import { Controller, HttpCode, Param, Post, Req } from '@nestjs/common';
import type { Request } from 'express';
import type { Caller } from '../accounts/credential';
import { Auth, CallerOf } from '../auth/caller';
import { JsonBody } from '../http/json-body';
import { VisibleIdPipe } from '../http/visible-id';
import { RestWrites, type Accepted202 } from '../inbox/rest-writes.service';
import { MemberDto, WorkspaceDto } from './workspace.dto';

@Auth('api-key')
@Controller('v1/workspaces')
export class WorkspacesController {
  constructor(private readonly writes: RestWrites) {}

  @Post()
  @HttpCode(202)
  provision(
    @Req() request: Request,
    @CallerOf() caller: Caller,
    @JsonBody(WorkspaceDto) workspace: WorkspaceDto,
  ): Promise<Accepted202> {
    const clientId = workspace.client_id;
    return this.writes.accept(request, caller, {
      event: 'workspace.created',
      entityId: clientId,
      payload: workspace,
      workspace: { clientId },
    });
  }

  @Post(':client_id/members')
  @HttpCode(202)
  addMember(
    @Req() request: Request,
    @CallerOf() caller: Caller,
    @Param('client_id', VisibleIdPipe) clientId: string,
    @JsonBody(MemberDto) member: MemberDto,
  ): Promise<Accepted202> {
    return this.writes.accept(request, caller, {
      event: 'workspace.member_added',
      entityId: member.user_id,
      payload: member,
      workspace: { clientId },
    });
  }
}
