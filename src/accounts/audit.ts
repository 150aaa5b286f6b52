import type { EntityManager } from 'typeorm';

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

/** Writes the entry in the transaction of the change it tells of. */
export async function audit(manager: EntityManager, entry: AuditEntry): Promise<void> {
  await manager.query('insert into audit_entry (id, ats_id, actor, action, detail) values ($1, $2, $3, $4, $5)', [
    entry.id,
    entry.atsId,
    entry.actor,
    entry.action,
    entry.detail,
  ]);
}
