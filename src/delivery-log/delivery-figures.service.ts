import { Injectable } from '@nestjs/common';
import { uuidTime } from '../database/clock';
import { Database, REQUEST_DEADLINE_MS } from '../database/database';
import type { Latencies } from './latency';
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

interface Row {
  hour: Date;
  outcome: Outcome;
  latency: number;
  attempts: number;
  last_id: string;
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
    const lastSuccess = latest(rows.filter((row) => row.outcome === 'success'));
    return {
      hours: hoursOf(rows),
      complete: rows.every((row) => row.complete),
      lastSuccessAt: lastSuccess === null ? null : uuidTime(lastSuccess),
      lastFailureId: latest(rows.filter((row) => row.outcome !== 'success')),
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

interface Counts {
  readonly attempts: Record<Outcome, number>;
  readonly latencies: Map<number, number>;
}

function hoursOf(rows: readonly Row[]): HourOfDeliveries[] {
  const hours = new Map<number, Counts>();
  for (const { hour, outcome, latency, attempts } of rows) {
    const at = hour.getTime();
    const counts: Counts = hours.get(at) ?? { attempts: { success: 0, failure: 0, error: 0 }, latencies: new Map() };
    hours.set(at, counts);
    counts.attempts[outcome] += attempts;
    if (outcome !== 'error') counts.latencies.set(latency, (counts.latencies.get(latency) ?? 0) + attempts);
  }
  return [...hours].map(([at, counts]) => ({ at, ...counts })).sort((a, b) => a.at - b.at);
}

/** Ids made at different times sort by them. */
function latest(rows: readonly Row[]): string | null {
  return rows.reduce<string | null>((last, row) => (last === null || row.last_id > last ? row.last_id : last), null);
}
