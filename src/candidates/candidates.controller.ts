import { Controller, Delete, Get, HttpCode, Param, Patch, Post, Query, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import type { Caller } from '../accounts/credential';
import { Auth, CallerOf } from '../auth/caller';
import { CreateDocs, FindDocs, ListDocs, RemoveDocs, UpdateDocs } from '../entities/entity-docs';
import { EntityRequests, type EntityPage } from '../entities/entity-requests.service';
import { JsonBody } from '../http/json-body';
import { VisibleIdPipe } from '../http/visible-id';
import type { Accepted202 } from '../inbox/rest-writes.service';
import { CandidateDto, CandidatePatch } from './candidate.dto';

@Auth('api-key')
@Controller('v1/candidates')
export class CandidatesController {
  constructor(private readonly requests: EntityRequests) {}

  @Post()
  @HttpCode(202)
  @CreateDocs('candidate', CandidateDto)
  create(
    @Req() request: Request,
    @CallerOf() caller: Caller,
    @JsonBody(CandidateDto) candidate: CandidateDto,
  ): Promise<Accepted202> {
    return this.requests.create(request, caller, 'candidate', candidate);
  }

  @Patch(':candidate_id')
  @HttpCode(202)
  @UpdateDocs('candidate', CandidatePatch)
  update(
    @Req() request: Request,
    @CallerOf() caller: Caller,
    @Param('candidate_id', VisibleIdPipe) id: string,
    @JsonBody(CandidatePatch, { mergePatch: true }) patch: CandidatePatch,
  ): Promise<Accepted202> {
    return this.requests.update(request, caller, 'candidate', id, patch);
  }

  @Delete(':candidate_id')
  @HttpCode(202)
  @RemoveDocs('candidate')
  remove(
    @Req() request: Request,
    @CallerOf() caller: Caller,
    @Param('candidate_id', VisibleIdPipe) id: string,
  ): Promise<Accepted202> {
    return this.requests.remove(request, caller, 'candidate', id);
  }

  @Get()
  @ListDocs('candidate')
  list(
    @Req() request: Request,
    @CallerOf() caller: Caller,
    @Query() query: Record<string, unknown>,
  ): Promise<EntityPage> {
    return this.requests.list(request, caller, 'candidate', query);
  }

  @Get(':candidate_id')
  @FindDocs('candidate')
  find(
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
    @CallerOf() caller: Caller,
    @Param('candidate_id', VisibleIdPipe) id: string,
  ): Promise<object | undefined> {
    return this.requests.find(request, response, caller, 'candidate', id);
  }
}
