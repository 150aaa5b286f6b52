import { Controller, Get, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import type { Caller } from '../accounts/credential';
import { Auth, CallerOf } from '../auth/caller';
import { DomainError } from '../errors';
import { isUnchanged } from '../http/headers';
import { JsonBody } from '../http/json-body';
import { encodeCursor, readPage } from '../http/page';
import { VisibleIdPipe } from '../http/visible-id';
import { RestWrites, type Accepted202 } from '../inbox/rest-writes.service';
import { MemberDto, WorkspaceDto } from './workspace.dto';
import { WorkspacesRepository, type ShownWorkspace } from './workspaces.repository';

@Auth('api-key')
@Controller('v1/workspaces')
export class WorkspacesController {
  constructor(
    private readonly writes: RestWrites,
    private readonly workspaces: WorkspacesRepository,
  ) {}

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

  @Get()
  async list(@CallerOf() caller: Caller, @Query() query: Record<string, unknown>): Promise<WorkspacePage> {
    const page = readPage(query);
    const data = await this.workspaces.list(caller, page);
    const last = data.length === page.limit ? data.at(-1) : undefined;
    return { data, next_cursor: last ? encodeCursor({ updatedAt: last.updated_at, id: last.client_id }) : null };
  }

  @Get(':client_id')
  async find(
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
    @CallerOf() caller: Caller,
    @Param('client_id', VisibleIdPipe) clientId: string,
  ): Promise<ShownWorkspace | undefined> {
    const found = await this.workspaces.find(caller, clientId);
    if (found === undefined) throw new DomainError('not_found', 'There is no such workspace');
    return isUnchanged(request, response, found.updated_at) ? undefined : found;
  }
}

/** `next_cursor` is null on the last page. */
export interface WorkspacePage {
  readonly data: readonly ShownWorkspace[];
  readonly next_cursor: string | null;
}
