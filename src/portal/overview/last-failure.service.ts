import { Injectable } from '@nestjs/common';
import { uuidTime } from '../../database/clock';
import { Database, REQUEST_DEADLINE_MS, statement } from '../../database/database';

/** However many attempts an account has, only its latest are looked at. */
const LOOKED_AT = 500;

const FIND = statement(
  'portal_last_failure',
  `select id, reference_id, event, status_code, error
     from (select id, reference_id, event, status_code, error, direction, outcome, test
             from delivery_attempt
            where ats_id = $1 order by id desc limit ${LOOKED_AT}) latest
    where direction = 'outgoing' and not test and outcome <> 'success' order by id desc limit 1`,
);

export interface LastFailure {
  readonly at: number;
  readonly referenceId: string | null;
  readonly event: string | null;
  readonly statusCode: number | null;
  readonly fault: string | null;
}

@Injectable()
export class LastFailures {
  constructor(private readonly database: Database) {}

  /** The latest delivery that failed, among the account's recent ones. */
  async find(atsId: string): Promise<LastFailure | null> {
    const [row] = await this.database.query<{
      id: string;
      reference_id: string | null;
      event: string | null;
      status_code: number | null;
      error: string | null;
    }>(FIND, [atsId], REQUEST_DEADLINE_MS);
    if (row === undefined) return null;
    const { id, reference_id: referenceId, event, status_code: statusCode, error: fault } = row;
    return { at: uuidTime(id), referenceId, event, statusCode, fault };
  }
}
