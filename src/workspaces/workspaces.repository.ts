import { Injectable } from '@nestjs/common';
import { Database, statement, type Tx } from '../database/database';

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

/** An administrator that is not given stays as it was. */
const SAVE = statement(
  'workspaces_save',
  `insert into workspace as w (ats_id, client_id, name, admin_name, admin_email, provisioned_at, updated_at)
   select t.*, clock_timestamp(), clock_timestamp()
     from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[]) t
   on conflict (ats_id, client_id) do update
     set name = excluded.name, admin_name = coalesce(excluded.admin_name, w.admin_name),
         admin_email = coalesce(excluded.admin_email, w.admin_email),
         provisioned_at = coalesce(w.provisioned_at, excluded.provisioned_at), updated_at = excluded.updated_at`,
);

const SAVE_MEMBERS = statement(
  'workspaces_save_members',
  `insert into member (ats_id, client_id, user_id, name, email)
   select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
   on conflict (ats_id, client_id, user_id) do update
     set name = excluded.name, email = excluded.email, updated_at = clock_timestamp()`,
);

@Injectable()
export class WorkspacesRepository {
  constructor(private readonly database: Database) {}

  /** Each workspace once: one statement cannot change a row twice. */
  async save(workspaces: readonly Workspace[], tx: Tx = this.database): Promise<void> {
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
}
