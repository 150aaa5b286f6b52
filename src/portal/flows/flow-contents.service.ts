import { Injectable } from '@nestjs/common';
import { Database, REQUEST_DEADLINE_MS, statement } from '../../database/database';

/** What was written, and what came of it, as text. */
export interface FlowContents {
  readonly userId: string | null;
  readonly payload: string;
  readonly result: string | null;
  /** The webhooks by which it was sent: the first, and repetitions. */
  readonly incomingIds: readonly string[];
}

const FIND = statement(
  'portal_flow_contents',
  `select f.user_id as "userId", f.payload::text as payload, r.body as result,
          array(select a.id::text from delivery_attempt a
                 where a.reference_id = $1::uuid and a.direction = 'incoming' order by a.id limit 20) as "incomingIds"
     from flow f left join result_event r on r.reference_id = f.reference_id
    where f.reference_id = $1::uuid and f.ats_id = $2`,
);

@Injectable()
export class FlowContentsReader {
  constructor(private readonly database: Database) {}

  /** Null for an unknown one, and for another account's. */
  async find(atsId: string, referenceId: string): Promise<FlowContents | null> {
    return (await this.database.query<FlowContents>(FIND, [referenceId, atsId], REQUEST_DEADLINE_MS))[0] ?? null;
  }
}
