import { Injectable } from '@nestjs/common';
import type { Request, Response } from 'express';
import type { Caller } from '../accounts/credential';
import { DomainError, invalid } from '../errors';
import { clientIdHeader, isUnchanged } from '../http/headers';
import { encodeCursor, readPage } from '../http/page';
import { RestWrites, type Accepted202 } from '../inbox/rest-writes.service';
import { Entities, type Shown } from './entities.repository';
import type { EntityName } from './entity';

/** A page of entities; `next_cursor` is null on the last one. */
export interface EntityPage {
  readonly data: readonly object[];
  readonly next_cursor: string | null;
}

/** What the REST routes of candidates, vacancies and applications have in common: all of it but their bodies. */
@Injectable()
export class EntityRequests {
  constructor(
    private readonly writes: RestWrites,
    private readonly entities: Entities,
  ) {}

  create(request: Request, caller: Caller, name: EntityName, entity: object): Promise<Accepted202> {
    const entityId = idOf(name, entity) as string;
    return this.writes.accept(request, caller, { event: `${name}.created`, entityId, payload: entity });
  }

  /** @throws {DomainError} `invalid` for a patch that names another entity */
  update(request: Request, caller: Caller, name: EntityName, entityId: string, patch: object): Promise<Accepted202> {
    const named = idOf(name, patch);
    if (named !== undefined && named !== entityId) {
      throw invalid([{ field: `${name}_id`, message: 'must be the one in the path' }]);
    }
    return this.writes.accept(request, caller, { event: `${name}.updated`, entityId, payload: patch });
  }

  remove(request: Request, caller: Caller, name: EntityName, entityId: string): Promise<Accepted202> {
    return this.writes.accept(request, caller, { event: `${name}.deleted`, entityId, payload: {} });
  }

  async list(request: Request, caller: Caller, name: EntityName, query: Record<string, unknown>): Promise<EntityPage> {
    const page = readPage(query);
    const found = await this.entities.list(caller, name, clientIdHeader(request), page);
    const last = found.length === page.limit ? found.at(-1) : undefined;
    return {
      data: found.map(shown),
      next_cursor: last ? encodeCursor({ updatedAt: last.updated_at, id: String(idOf(name, last.data)) }) : null,
    };
  }

  /** The entity; undefined, with 304 set, when the caller knows this version. @throws {DomainError} `not_found` */
  async find(
    request: Request,
    response: Response,
    caller: Caller,
    name: EntityName,
    entityId: string,
  ): Promise<object | undefined> {
    const found = await this.entities.find(caller, name, clientIdHeader(request), entityId);
    if (found === undefined) throw new DomainError('not_found', `There is no such ${name} in this workspace`);
    return isUnchanged(request, response, found.updated_at) ? undefined : shown(found);
  }
}

function idOf(name: EntityName, entity: object): string | undefined {
  return (entity as Record<string, string | undefined>)[`${name}_id`];
}

function shown({ data, created_at, updated_at }: Shown): object {
  return { ...data, created_at, updated_at };
}
