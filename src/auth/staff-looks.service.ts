import { Injectable } from '@nestjs/common';
import { Clock, uuidFloor } from '../database/clock';
import { Database, statement } from '../database/database';

/** A page that is looked at again within five minutes, or refreshes itself, is one look. */
const SAME_LOOK_MS = 300_000;

const NOTE = statement(
  'staff_look_note',
  `insert into audit_entry (id, ats_id, actor, action, detail)
   select $1, $2, $3, 'staff.looked', json_build_object('page', $4::text)
    where not exists (select from audit_entry
                       where ats_id = $2 and id > $5::uuid and actor = $3 and action = 'staff.looked'
                         and detail ->> 'page' = $4)`,
);

/** Carv's staff may look at every account; the account can read when it did. */
@Injectable()
export class StaffLooks {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  /** @param page its path, which names what was looked at; it never holds a secret */
  async note(email: string, atsId: string, page: string): Promise<void> {
    const since = uuidFloor(this.clock.now() - SAME_LOOK_MS);
    await this.database.query(NOTE, [this.clock.uuidv7(), atsId, email, page, since]);
  }
}
