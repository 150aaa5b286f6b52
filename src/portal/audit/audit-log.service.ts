import { Injectable } from '@nestjs/common';
import { uuidTime } from '../../database/clock';
import { Database, REQUEST_DEADLINE_MS, statement } from '../../database/database';

export interface AuditLine {
  readonly id: string;
  readonly at: number;
  readonly actor: string;
  readonly action: string;
  readonly detail: Readonly<Record<string, unknown>>;
}

/** Newest first; `older` is where the next page begins, null on the last. */
export interface AuditPage {
  readonly lines: readonly AuditLine[];
  readonly older: string | null;
}

const PAGE = 25;
const NEWEST = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

const LIST = statement(
  'audit_log_list',
  `select id, actor, action, detail from audit_entry where ats_id = $1 and id < $2::uuid
    order by id desc limit ${PAGE + 1}`,
);

@Injectable()
export class AuditLog {
  constructor(private readonly database: Database) {}

  /** @param before the id that the page ends before; null: the newest */
  async list(atsId: string, before: string | null): Promise<AuditPage> {
    const rows = await this.database.query<Omit<AuditLine, 'at'>>(LIST, [atsId, before ?? NEWEST], REQUEST_DEADLINE_MS);
    const lines = rows.slice(0, PAGE).map((row) => ({ ...row, at: uuidTime(row.id) }));
    return { lines, older: rows.length > PAGE ? (lines.at(-1)?.id ?? null) : null };
  }
}
