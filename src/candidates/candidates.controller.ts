import { Controller, Delete, Get, HttpCode, Param, Patch, Post, Query, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import type { Caller } from '../accounts/credential';
import { Auth, CallerOf } from '../auth/caller';
import { DomainError, invalid, unauthorized, unprovisioned } from '../errors';
import { clientIdHeader, isKnown } from '../http/headers';
import { JsonBody } from '../http/json-body';
import { encodeCursor, readPage } from '../http/page';
import { VisibleIdPipe } from '../http/visible-id';
import { RestWrites, type Accepted202 } from '../inbox/rest-writes.service';
import { CandidateDto, CandidatePatch } from './candidate.dto';
import { CandidatesRepository, type Found, type StoredCandidate } from './candidates.repository';

@Auth('api-key')
@Controller('v1/candidates')
export class CandidatesController {
  constructor(
    private readonly writes: RestWrites,
    private readonly candidates: CandidatesRepository,
  ) {}

  @Post()
  @HttpCode(202)
  create(
    @Req() request: Request,
    @CallerOf() caller: Caller,
    @JsonBody(CandidateDto) candidate: CandidateDto,
  ): Promise<Accepted202> {
    return this.writes.accept(request, caller, {
      event: 'candidate.created',
      entityId: candidate.candidate_id,
      payload: candidate,
    });
  }

  @Patch(':candidate_id')
  @HttpCode(202)
  update(
    @Req() request: Request,
    @CallerOf() caller: Caller,
    @Param('candidate_id', VisibleIdPipe) id: string,
    @JsonBody(CandidatePatch, { mergePatch: true }) patch: CandidatePatch,
  ): Promise<Accepted202> {
    if (patch.candidate_id !== undefined && patch.candidate_id !== id) {
      throw invalid([{ field: 'candidate_id', message: 'must be the one in the path' }]);
    }
    return this.writes.accept(request, caller, { event: 'candidate.updated', entityId: id, payload: patch });
  }

  @Delete(':candidate_id')
  @HttpCode(202)
  remove(
    @Req() request: Request,
    @CallerOf() caller: Caller,
    @Param('candidate_id', VisibleIdPipe) id: string,
  ): Promise<Accepted202> {
    return this.writes.accept(request, caller, { event: 'candidate.deleted', entityId: id, payload: {} });
  }

  @Get()
  async list(
    @Req() request: Request,
    @CallerOf() caller: Caller,
    @Query() query: Record<string, unknown>,
  ): Promise<object> {
    const page = readPage(query);
    const found = admitted(await this.candidates.list(caller, clientIdHeader(request), page));
    const last = found.length === page.limit ? found.at(-1) : undefined;
    return {
      data: found.map(shown),
      next_cursor: last ? encodeCursor({ updatedAt: last.updated_at, id: last.data.candidate_id }) : null,
    };
  }

  @Get(':candidate_id')
  async find(
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
    @CallerOf() caller: Caller,
    @Param('candidate_id', VisibleIdPipe) id: string,
  ): Promise<object | undefined> {
    const found = admitted(await this.candidates.find(caller, clientIdHeader(request), id));
    if (found === null) throw new DomainError('not_found', 'There is no such candidate in this workspace');
    const etag = `"${found.updated_at}"`;
    response.setHeader('ETag', etag);
    if (isKnown(request, etag)) {
      response.status(304);
      return undefined;
    }
    return shown(found);
  }
}

function shown({ data, created_at, updated_at }: StoredCandidate): object {
  return Object.assign({}, data, { created_at, updated_at });
}

function admitted<T>(found: Found<T>): T {
  if (found === 'unauthorized') throw unauthorized();
  if (found === 'unprovisioned') throw unprovisioned();
  return found;
}
