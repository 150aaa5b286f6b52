import { Controller, Delete, Get, HttpCode, Param, Patch, Post, Query, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import type { Caller } from '../accounts/credential';
import { Auth, CallerOf } from '../auth/caller';
import { CreateDocs, FindDocs, ListDocs, RemoveDocs, UpdateDocs } from '../entities/entity-docs';
import { EntityRequests, type EntityPage } from '../entities/entity-requests.service';
import { JsonBody } from '../http/json-body';
import { VisibleIdPipe } from '../http/visible-id';
import type { Accepted202 } from '../inbox/rest-writes.service';
import { VacancyDto, VacancyPatch } from './vacancy.dto';

@Auth('api-key')
@Controller('v1/vacancies')
export class VacanciesController {
  constructor(private readonly requests: EntityRequests) {}

  @Post()
  @HttpCode(202)
  @CreateDocs('vacancy', VacancyDto)
  create(
    @Req() request: Request,
    @CallerOf() caller: Caller,
    @JsonBody(VacancyDto) vacancy: VacancyDto,
  ): Promise<Accepted202> {
    return this.requests.create(request, caller, 'vacancy', vacancy);
  }

  @Patch(':vacancy_id')
  @HttpCode(202)
  @UpdateDocs('vacancy', VacancyPatch)
  update(
    @Req() request: Request,
    @CallerOf() caller: Caller,
    @Param('vacancy_id', VisibleIdPipe) id: string,
    @JsonBody(VacancyPatch, { mergePatch: true }) patch: VacancyPatch,
  ): Promise<Accepted202> {
    return this.requests.update(request, caller, 'vacancy', id, patch);
  }

  @Delete(':vacancy_id')
  @HttpCode(202)
  @RemoveDocs('vacancy')
  remove(
    @Req() request: Request,
    @CallerOf() caller: Caller,
    @Param('vacancy_id', VisibleIdPipe) id: string,
  ): Promise<Accepted202> {
    return this.requests.remove(request, caller, 'vacancy', id);
  }

  @Get()
  @ListDocs('vacancy')
  list(
    @Req() request: Request,
    @CallerOf() caller: Caller,
    @Query() query: Record<string, unknown>,
  ): Promise<EntityPage> {
    return this.requests.list(request, caller, 'vacancy', query);
  }

  @Get(':vacancy_id')
  @FindDocs('vacancy')
  find(
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
    @CallerOf() caller: Caller,
    @Param('vacancy_id', VisibleIdPipe) id: string,
  ): Promise<object | undefined> {
    return this.requests.find(request, response, caller, 'vacancy', id);
  }
}
