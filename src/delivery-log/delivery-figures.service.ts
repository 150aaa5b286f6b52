import { Injectable } from '@nestjs/common';
import { uuidTime } from '../database/clock';
import { Database, REQUEST_DEADLINE_MS } from '../database/database';
import { merged, type Latencies } from './latency';
import { ATTEMPT, FIGURES } from './rollup.sql';

export const OUTCOMES = ['success', 'failure', 'error'] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** The attempts of one hour; hours without any are left out. */
export interface HourOfDeliveries {
  /** Its beginning, in milliseconds since 1970. */
  readonly at: number;
  readonly attempts: Readonly<Record<Outcome, number>>;
  /** Of those that were answered, whatever the answer. */
  readonly latencies: Latencies;
}

export interface Figures {
  /** Oldest first. */
  readonly hours: readonly HourOfDeliveries[];
  /** False while attempts come in faster than they can be counted at once: the last minutes are not whole. */
  readonly complete: boolean;
  readonly lastSuccessAt: number | null;
  readonly lastFailureId: string | null;
}

/** Why one attempt failed; nothing is known of it but its time once its day is gone from the log. */
export interface FailedAttempt {
  readonly at: number;
  readonly referenceId: string | null;
  readonly event: string | null;
  readonly statusCode: number | null;
  readonly fault: string | null;
}

interface Row extends Record<Outcome, number> {
  hour: Date;
  latencies: number[];
  last_success_id: string | null;
  last_failure_id: string | null;
  complete: boolean;
}

interface AttemptRow {
  reference_id: string | null;
  event: string | null;
  status_code: number | null;
  error: string | null;
}

/** An account's deliveries in figures, at a cost that does not grow with their number. Tests are counted nowhere. */
@Injectable()
export class DeliveryFigures {
  constructor(private readonly database: Database) {}

  /** @param since the beginning of an hour, at most seven days ago; what began later is counted */
  async since(atsId: string, since: number): Promise<Figures> {
    const rows = await this.database.query<Row>(FIGURES, [atsId, new Date(since)], REQUEST_DEADLINE_MS);
    const lastSuccess = latest(rows.map((row) => row.last_success_id));
    return {
      hours: hoursOf(rows),
      complete: rows.every((row) => row.complete),
      lastSuccessAt: lastSuccess === null ? null : uuidTime(lastSuccess),
      lastFailureId: latest(rows.map((row) => row.last_failure_id)),
    };
  }

  async failure(atsId: string, id: string): Promise<FailedAttempt> {
    const [row] = await this.database.query<AttemptRow>(ATTEMPT, [atsId, id], REQUEST_DEADLINE_MS);
    return {
      at: uuidTime(id),
      referenceId: row?.reference_id ?? null,
      event: row?.event ?? null,
      statusCode: row?.status_code ?? null,
      fault: row?.error ?? null,
    };
  }
}

/** An hour comes twice while a part of it is not rolled up. */
function hoursOf(rows: readonly Row[]): HourOfDeliveries[] {
  const hours: HourOfDeliveries[] = [];
  for (const { hour, success, failure, error, latencies } of rows) {
    const next = { at: hour.getTime(), attempts: { success, failure, error }, latencies };
    const last = hours.at(-1);
    if (last?.at !== next.at) hours.push(next);
    else hours[hours.length - 1] = both(last, next);
  }
  return hours;
}

function both(one: HourOfDeliveries, other: HourOfDeliveries): HourOfDeliveries {
  const of = (outcome: Outcome): number => one.attempts[outcome] + other.attempts[outcome];
  return {
    at: one.at,
    attempts: { success: of('success'), failure: of('failure'), error: of('error') },
    latencies: merged([one.latencies, other.latencies]),
  };
}

/** Ids made one after the other sort so. */
function latest(ids: readonly (string | null)[]): string | null {
  return ids.reduce((last, id) => (id !== null && (last === null || id > last) ? id : last), null);
}
