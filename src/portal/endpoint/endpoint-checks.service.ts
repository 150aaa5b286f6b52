import { Injectable } from '@nestjs/common';
import { Accounts } from '../../accounts/accounts.service';
import { Clock, uuidFloor } from '../../database/clock';
import { Database, REQUEST_DEADLINE_MS, statement } from '../../database/database';
import { eventId } from '../../events/outbound';
import { PINGS } from '../throttle/throttle-rules';
import { Throttle, tooMany } from '../throttle/throttle.service';
import { TestSends } from './test-sends.service';

/** What an endpoint last answered to a ping. */
export interface EndpointCheck {
  readonly at: Date;
  readonly url: string;
  readonly statusCode: number | null;
  readonly fault: string | null;
  readonly durationMs: number;
  readonly responseBody: string | null;
  /** Whether a delivery has arrived since, which says more than any ping. */
  readonly deliveredSince: boolean;
}

const PING = 'ping';
const MAX_BODY = 2000;
const LOOKED_AT = 200;

const FIND = statement(
  'endpoint_check_find',
  `select c.at, c.url, c.status_code as "statusCode", c.fault, c.duration_ms as "durationMs",
          c.response_body as "responseBody"
     from endpoint_check c where c.ats_id = $1`,
);

const DELIVERED_SINCE = statement(
  'endpoint_check_delivered_since',
  `select from (select direction, outcome, test from delivery_attempt where ats_id = $1 and id > $2::uuid
                 order by id desc limit ${LOOKED_AT}) a
    where direction = 'outgoing' and not test and outcome = 'success' limit 1`,
);

const SAVE = statement(
  'endpoint_check_save',
  `insert into endpoint_check (ats_id, at, url, status_code, fault, duration_ms, response_body)
   values ($1, now(), $2, $3, $4, $5, $6)
   on conflict (ats_id) do update
      set at = excluded.at, url = excluded.url, status_code = excluded.status_code, fault = excluded.fault,
          duration_ms = excluded.duration_ms, response_body = excluded.response_body`,
);

/** Whether an endpoint takes what the gateway sends, tried out with a signed ping. */
@Injectable()
export class EndpointChecks {
  constructor(
    private readonly database: Database,
    private readonly accounts: Accounts,
    private readonly tests: TestSends,
    private readonly throttle: Throttle,
    private readonly clock: Clock,
  ) {}

  /** Of the present URL; null when it was never tried. */
  async find(atsId: string, url: string | null): Promise<EndpointCheck | null> {
    const [check] = await this.database.query<EndpointCheck>(FIND, [atsId], REQUEST_DEADLINE_MS);
    if (check === undefined || check.url !== url) return null;
    const since = [atsId, uuidFloor(check.at.getTime())];
    const delivered = await this.database.query(DELIVERED_SINCE, since, REQUEST_DEADLINE_MS);
    return { ...check, deliveredSince: delivered.length > 0 };
  }

  /** @throws {DomainError} `rate_limited`: nobody uses the gateway to knock at other people's doors */
  async allow(atsId: string): Promise<void> {
    const waitMs = await this.throttle.take([{ what: `ping ${atsId}`, rule: PINGS }]);
    if (waitMs > 0) throw tooMany(waitMs);
  }

  /** Sends one to the present URL and keeps the answer; no transaction is held meanwhile. @returns whether it was good */
  async ping(atsId: string): Promise<boolean> {
    const { endpoint } = await this.accounts.find(atsId);
    if (endpoint.url === null) return false;
    const referenceId = this.clock.uuidv7();
    const body = Buffer.from(JSON.stringify(pingBody(referenceId, this.clock.now())));
    const { outcome, durationMs } = await this.tests.send(atsId, endpoint.url, { event: PING, referenceId, body });
    const answered = outcome.kind === 'answer';
    await this.database.query(SAVE, [
      atsId,
      endpoint.url,
      answered ? outcome.statusCode : null,
      answered ? null : outcome.fault,
      durationMs,
      answered ? outcome.body.slice(0, MAX_BODY) : null,
    ]);
    return answered && isGood(outcome.statusCode);
  }
}

export function isGood(statusCode: number | null): boolean {
  return statusCode !== null && statusCode >= 200 && statusCode < 300;
}

/** Until something arrives: a good ping, or a delivery. */
export function isFailing({ statusCode, deliveredSince }: EndpointCheck): boolean {
  return !isGood(statusCode) && !deliveredSince;
}

/** In the shape of every event, so that a receiver needs nothing of its own to read it. */
function pingBody(referenceId: string, now: number): object {
  return {
    event: PING,
    event_id: eventId(referenceId),
    reference_id: referenceId,
    client_id: null,
    timestamp: new Date(now).toISOString().replace(/\.\d+Z$/, 'Z'),
    status: 'success',
    error: null,
    data: {},
  };
}
