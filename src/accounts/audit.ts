import type { EntityManager } from 'typeorm';
import { statement } from '../database/database';

/** One change of an account's configuration, readable by the account; `detail` never holds a secret. */
export interface AuditEntry {
  /** A UUIDv7: it holds the time. */
  readonly id: string;
  readonly atsId: string;
  /** A portal user's e-mail, or `operator` for the command line. */
  readonly actor: string;
  readonly action: string;
  readonly detail: object;
}

/** For those who write in a transaction of their own statements: id, account, actor, action, detail. */
export const AUDIT = statement(
  'audit_entry_write',
  'insert into audit_entry (id, ats_id, actor, action, detail) values ($1, $2, $3, $4, $5)',
);

/** Writes the entry in the transaction of the change it tells of. */
export async function audit(manager: EntityManager, entry: AuditEntry): Promise<void> {
  await manager.query(AUDIT.text, [entry.id, entry.atsId, entry.actor, entry.action, entry.detail]);
}
