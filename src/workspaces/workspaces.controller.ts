import { Controller, Get, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import type { Caller } from '../accounts/credential';
import { Auth, CallerOf } from '../auth/caller';
import { DomainError } from '../errors';
import { ACCEPTED, Documented, found, idInPath, PAGE, pageOf } from '../http/documented';
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
  @Documented({
    id: 'provisionWorkspace',
    tag: 'Workspaces',
    summary: 'Provision a workspace, or change it',
    description:
      'Entities of a client are refused with `409` until this was answered; they need not wait for the result, ' +
      'the event `workspace.provisioned`.',
    headers: ['Idempotency-Key'],
    body: { shape: WorkspaceDto },
    answers: { 202: ACCEPTED },
  })
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
  @Documented({
    id: 'addMember',
    tag: 'Workspaces',
    summary: 'Add a member to a workspace, or change it',
    description: 'The result is the event `workspace.member_added`.',
    path: { client_id: idInPath("The client's id in the ATS", 'your-client-id') },
    headers: ['Idempotency-Key'],
    body: { shape: MemberDto },
    answers: { 202: ACCEPTED },
    refuses: [409],
  })
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
  @Documented({
    id: 'listWorkspaces',
    tag: 'Workspaces',
    summary: 'List workspaces',
    description: 'In the order of their last change: the last `updated_at` is the `updated_after` to go on with later.',
    query: PAGE,
    answers: { 200: { description: 'A page of workspaces', shape: pageOf('StoredWorkspace') } },
  })
  async list(@CallerOf() caller: Caller, @Query() query: Record<string, unknown>): Promise<WorkspacePage> {
    const page = readPage(query);
    const data = await this.workspaces.list(caller, page);
    const last = data.length === page.limit ? data.at(-1) : undefined;
    return { data, next_cursor: last ? encodeCursor({ updatedAt: last.updated_at, id: last.client_id }) : null };
  }

  @Get(':client_id')
  @Documented({
    id: 'getWorkspace',
    tag: 'Workspaces',
    summary: 'Read a workspace',
    path: { client_id: idInPath("The client's id in the ATS", 'your-client-id') },
    headers: ['If-None-Match'],
    answers: found('The workspace', 'StoredWorkspace'),
    refuses: [404],
  })
  async find(
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
    @CallerOf() caller: Caller,
    @Param('client_id', VisibleIdPipe) clientId: string,
  ): Promise<ShownWorkspace | undefined> {
    const workspace = await this.workspaces.find(caller, clientId);
    if (workspace === undefined) throw new DomainError('not_found', 'There is no such workspace');
    return isUnchanged(request, response, workspace.updated_at) ? undefined : workspace;
  }
}

/** `next_cursor` is null on the last page. */
export interface WorkspacePage {
  readonly data: readonly ShownWorkspace[];
  readonly next_cursor: string | null;
}
