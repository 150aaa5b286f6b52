import { Injectable } from '@nestjs/common';
import { readerColumns, type Caller } from '../accounts/credential';
import { Database, REQUEST_DEADLINE_MS, type Tx } from '../database/database';
import { unauthorized, unprovisioned } from '../errors';
import type { Page } from '../http/page';
import { SQL } from './entities.sql';
import type { EntityKey, EntityName } from './entity';

export type Stored = EntityKey & { readonly data: object };

/** As reads see it; times are ISO 8601 with microseconds. */
export interface Shown {
  readonly data: object;
  readonly created_at: string;
  readonly updated_at: string;
}

type Row = { provisioned: boolean; data: object | null; created_at: string; updated_at: string };
type KeyRow = { ats_id: string; client_id: string; entity_id: string };

/** Candidates, vacancies and applications as they are stored. */
@Injectable()
export class Entities {
  constructor(private readonly database: Database) {}

  async load(tx: Tx, name: EntityName, keys: readonly EntityKey[]): Promise<Stored[]> {
    const rows = await tx.query<KeyRow & { data: object }>(SQL[name].load, columns(keys));
    return rows.map((row) => ({ ...keyOf(row), data: row.data }));
  }

  /** Those of `keys` that exist. */
  async existing(tx: Tx, name: EntityName, keys: readonly EntityKey[]): Promise<EntityKey[]> {
    if (keys.length === 0) return [];
    return (await tx.query<KeyRow>(SQL[name].exist, columns(keys))).map(keyOf);
  }

  async remove(tx: Tx, name: EntityName, keys: readonly EntityKey[]): Promise<void> {
    if (keys.length > 0) await tx.query(SQL[name].remove, columns(keys));
  }

  /** Each entity once; they are listed in this order. */
  async save(tx: Tx, name: EntityName, entities: readonly Stored[]): Promise<void> {
    if (entities.length === 0) return;
    await tx.query(SQL[name].save, [...columns(entities), entities.map((e) => JSON.stringify(e.data))]);
  }

  /** @throws {DomainError} `unauthorized`, or `conflict` without a workspace: judged in the statement that reads */
  async find(caller: Caller, name: EntityName, clientId: string, entityId: string): Promise<Shown | undefined> {
    const values = [...readerColumns(caller), clientId, entityId];
    return found(await this.database.query<Row>(SQL[name].find, values, REQUEST_DEADLINE_MS))[0];
  }

  /** In the order of their last change; `page.limit` of them at most. @throws {DomainError} as `find` */
  async list(caller: Caller, name: EntityName, clientId: string, page: Page): Promise<Shown[]> {
    const { updatedAt, id } = page.after;
    const values = [...readerColumns(caller), clientId, updatedAt, id, page.limit];
    return found(await this.database.query<Row>(SQL[name].list, values, REQUEST_DEADLINE_MS));
  }
}

/** The reading statements yield no row for a caller who no longer counts, and one row of nulls for nothing found. */
function found(rows: readonly Row[]): Shown[] {
  const [first] = rows;
  if (first === undefined) throw unauthorized();
  if (!first.provisioned) throw unprovisioned();
  return rows.flatMap(({ data, created_at, updated_at }) => (data === null ? [] : [{ data, created_at, updated_at }]));
}

function keyOf({ ats_id, client_id, entity_id }: KeyRow): EntityKey {
  return { atsId: ats_id, clientId: client_id, entityId: entity_id };
}

function columns(keys: readonly EntityKey[]): string[][] {
  return [keys.map((k) => k.atsId), keys.map((k) => k.clientId), keys.map((k) => k.entityId)];
}
