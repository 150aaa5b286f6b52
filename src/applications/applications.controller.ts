import { Controller, Delete, Get, HttpCode, Param, Patch, Post, Query, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import type { Caller } from '../accounts/credential';
import { Auth, CallerOf } from '../auth/caller';
import { CreateDocs, FindDocs, ListDocs, RemoveDocs, UpdateDocs } from '../entities/entity-docs';
import { EntityRequests, type EntityPage } from '../entities/entity-requests.service';
import { JsonBody } from '../http/json-body';
import { VisibleIdPipe } from '../http/visible-id';
import type { Accepted202 } from '../inbox/rest-writes.service';
import { ApplicationDto, ApplicationPatch } from './application.dto';

@Auth('api-key')
@Controller('v1/applications')
export class ApplicationsController {
  constructor(private readonly requests: EntityRequests) {}

  @Post()
  @HttpCode(202)
  @CreateDocs('application', ApplicationDto)
  create(
    @Req() request: Request,
    @CallerOf() caller: Caller,
    @JsonBody(ApplicationDto) application: ApplicationDto,
  ): Promise<Accepted202> {
    return this.requests.create(request, caller, 'application', application);
  }

  @Patch(':application_id')
  @HttpCode(202)
  @UpdateDocs('application', ApplicationPatch)
  update(
    @Req() request: Request,
    @CallerOf() caller: Caller,
    @Param('application_id', VisibleIdPipe) id: string,
    @JsonBody(ApplicationPatch, { mergePatch: true }) patch: ApplicationPatch,
  ): Promise<Accepted202> {
    return this.requests.update(request, caller, 'application', id, patch);
  }

  @Delete(':application_id')
  @HttpCode(202)
  @RemoveDocs('application')
  remove(
    @Req() request: Request,
    @CallerOf() caller: Caller,
    @Param('application_id', VisibleIdPipe) id: string,
  ): Promise<Accepted202> {
    return this.requests.remove(request, caller, 'application', id);
  }

  @Get()
  @ListDocs('application')
  list(
    @Req() request: Request,
    @CallerOf() caller: Caller,
    @Query() query: Record<string, unknown>,
  ): Promise<EntityPage> {
    return this.requests.list(request, caller, 'application', query);
  }

  @Get(':application_id')
  @FindDocs('application')
  find(
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
    @CallerOf() caller: Caller,
    @Param('application_id', VisibleIdPipe) id: string,
  ): Promise<object | undefined> {
    return this.requests.find(request, response, caller, 'application', id);
  }
}
