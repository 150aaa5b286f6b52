import { Injectable } from '@nestjs/common';
import { readerColumns, type Caller } from '../accounts/credential';
import { Database, REQUEST_DEADLINE_MS, type Tx } from '../database/database';
import { unauthorized } from '../errors';
import type { Page } from '../http/page';
import { LOCK_LANES } from '../inbox/claim.sql';
import { FIND, LIST, OPEN, SAVE, SAVE_MEMBERS } from './workspaces.sql';

export interface Workspace {
  readonly atsId: string;
  readonly clientId: string;
  readonly name: string;
  readonly adminName: string | null;
  readonly adminEmail: string | null;
}

export interface Member {
  readonly atsId: string;
  readonly clientId: string;
  readonly userId: string;
  readonly name: string;
  readonly email: string;
}

/** As reads see it; what was never given is absent. */
export interface ShownWorkspace {
  readonly client_id: string;
  readonly name: string;
  readonly admin_name?: string;
  readonly admin_email?: string;
  readonly created_at: string;
  readonly updated_at: string;
}

type Row = { client_id: string | null } & Record<string, string | null>;

@Injectable()
export class WorkspacesRepository {
  constructor(private readonly database: Database) {}

  /** Makes or changes workspaces outside of processing, which may be at work on the same ones. */
  async provision(workspaces: readonly Workspace[]): Promise<void> {
    const keys = [workspaces.map((w) => w.atsId), workspaces.map((w) => w.clientId)];
    await this.database.transaction(async (tx) => {
      await tx.query(OPEN, keys);
      await tx.query(LOCK_LANES, keys);
      await this.save(workspaces, tx);
    });
  }

  /** Each workspace once: one statement cannot change a row twice. Their lanes must be held. */
  async save(workspaces: readonly Workspace[], tx: Tx): Promise<void> {
    if (workspaces.length === 0) return;
    await tx.query(SAVE, [
      workspaces.map((w) => w.atsId),
      workspaces.map((w) => w.clientId),
      workspaces.map((w) => w.name),
      workspaces.map((w) => w.adminName),
      workspaces.map((w) => w.adminEmail),
    ]);
  }

  /** Each member once. */
  async saveMembers(members: readonly Member[], tx: Tx): Promise<void> {
    if (members.length === 0) return;
    await tx.query(SAVE_MEMBERS, [
      members.map((m) => m.atsId),
      members.map((m) => m.clientId),
      members.map((m) => m.userId),
      members.map((m) => m.name),
      members.map((m) => m.email),
    ]);
  }
  /** Undefined while its provisioning is not processed. @throws {DomainError} `unauthorized` */
  async find(caller: Caller, clientId: string): Promise<ShownWorkspace | undefined> {
    const values = [...readerColumns(caller), clientId];
    return shown(await this.database.query<Row>(FIND, values, REQUEST_DEADLINE_MS))[0];
  }

  /** In the order of their last change; `page.limit` of them at most. @throws {DomainError} `unauthorized` */
  async list(caller: Caller, page: Page): Promise<ShownWorkspace[]> {
    const values = [...readerColumns(caller), page.after.updatedAt, page.after.id, page.limit];
    return shown(await this.database.query<Row>(LIST, values, REQUEST_DEADLINE_MS));
  }
}

/** No row: the caller no longer counts. One of nulls: nothing was found. */
function shown(rows: readonly Row[]): ShownWorkspace[] {
  if (rows.length === 0) throw unauthorized();
  const found = rows.filter((row) => row.client_id !== null);
  return found.map((row) => {
    const given = Object.entries(row).filter(([, value]) => value !== null);
    return Object.fromEntries(given) as unknown as ShownWorkspace;
  });
}
