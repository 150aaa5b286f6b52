import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { call, type TestAccount } from './gateway';
import type { Arrival } from './receiver-process';
import { until } from './until';

const CANDIDATES_PER_CLIENT = 4;
const RETRY_PAUSE_MS = 20;

/** One workspace of one account. */
export interface Target {
  readonly account: TestAccount;
  readonly clientId: string;
}

/** A write that was answered with 202. */
export interface Acknowledged extends Target {
  readonly referenceId: string;
  readonly candidateId: string;
  /** Grows with every write of the candidate, and stands in its `custom_fields.sequence`. */
  readonly sequence: number;
}

/**
 * Concurrent clients that create candidates and change them over and over. The next write of a candidate follows the
 * 202 of the one before. A write that got no answer, or 503, is repeated under its idempotency key until it has one.
 */
export class Load {
  readonly acknowledged: Acknowledged[] = [];
  /** The answers 503, each with the time it took and its Retry-After. */
  readonly refusals: { readonly ms: number; readonly retryAfter: string | null }[] = [];
  /** Requests without an answer. */
  unanswered = 0;
  private stopping = false;
  private abandoned = false;
  private readonly clients: Promise<void>[];

  /** @param origin of the gateway, asked for at every request */
  constructor(
    private readonly origin: () => string,
    private readonly targets: readonly Target[],
    clients: number,
  ) {
    this.clients = Array.from({ length: clients }, (_, client) => this.run(client));
    // Told to whoever stops the load.
    for (const client of this.clients) client.catch(() => undefined);
  }

  /** Ends when every write has its 202. @throws Error when a client was answered what it should not be */
  async stop(): Promise<void> {
    this.stopping = true;
    await Promise.all(this.clients);
  }

  /** For a test that failed: nobody goes on asking a gateway that is gone. */
  abandon(): void {
    this.stopping = true;
    this.abandoned = true;
  }

  private async run(client: number): Promise<void> {
    for (let n = 0; !this.stopping; n++) {
      const candidate = n % CANDIDATES_PER_CLIENT;
      const target = this.targets[(client + candidate) % this.targets.length]!;
      const write = {
        ...target,
        candidateId: `c-${client}-${candidate}`,
        sequence: Math.floor(n / CANDIDATES_PER_CLIENT),
      };
      this.acknowledged.push({ ...write, referenceId: await this.send(write) });
    }
  }

  private async send({ account, clientId, candidateId, sequence }: Omit<Acknowledged, 'referenceId'>): Promise<string> {
    const custom_fields = { sequence };
    const [method, path, body] =
      sequence === 0
        ? ['POST', '/v1/candidates', { candidate_id: candidateId, first_name: 'Ann', last_name: 'Lee', custom_fields }]
        : ['PATCH', `/v1/candidates/${candidateId}`, { custom_fields }];
    const headers = { 'Idempotency-Key': randomUUID() };
    for (;;) {
      const startedAt = performance.now();
      const request = call({ origin: this.origin() }, account, path, { method, clientId, body, headers });
      const answer = await request.catch(() => undefined);
      if (answer?.status === 202) return String(answer.body.reference_id);
      if (answer !== undefined && answer.status !== 503) {
        throw new Error(`${method} ${path} was answered ${answer.status} ${JSON.stringify(answer.body)}`);
      }
      if (this.abandoned) throw new Error('abandoned');
      if (answer === undefined) this.unanswered++;
      else this.refusals.push({ ms: performance.now() - startedAt, retryAfter: answer.headers.get('retry-after') });
      await sleep(RETRY_PAUSE_MS);
    }
  }
}

/** What became of the acknowledged writes. */
export interface Tally {
  readonly acknowledged: number;
  /** Flows of which a receiver took the result. */
  readonly delivered: number;
  /** Results taken again; one that was refused comes again as it should. */
  readonly duplicates: number;
  readonly missing: number;
  /** First arrivals behind a later write of their candidate. */
  readonly outOfOrder: number;
  /** Results of flows that nobody was told of. */
  readonly unknown: number;
  readonly unverified: number;
  readonly errors: number;
  /** Repetitions with another `event_id` or other bytes. */
  readonly changed: number;
}

export function tally(acknowledged: readonly Acknowledged[], arrivals: readonly Arrival[]): Tally {
  const first = new Map<string, Arrival>();
  const last = new Map<string, number>();
  let [outOfOrder, changed] = [0, 0];
  for (const arrival of arrivals) {
    const original = first.get(arrival.reference_id);
    if (original !== undefined) {
      if (arrival.event_id !== original.event_id || arrival.sha256 !== original.sha256) changed++;
      continue;
    }
    first.set(arrival.reference_id, arrival);
    const candidate = JSON.stringify([arrival.ats_id, arrival.client_id, arrival.entity_id]);
    // An error's result holds the ids alone.
    if (arrival.sequence === null) continue;
    if (arrival.sequence <= (last.get(candidate) ?? -1)) outOfOrder++;
    else last.set(candidate, arrival.sequence);
  }
  const known = new Set(acknowledged.map((a) => a.referenceId));
  const taken = arrivals.filter((a) => a.taken).map((a) => a.reference_id);
  const delivered = new Set(taken);
  return {
    acknowledged: known.size,
    delivered: delivered.size,
    duplicates: taken.length - delivered.size,
    missing: [...known].filter((id) => !delivered.has(id)).length,
    outOfOrder,
    unknown: [...first.keys()].filter((id) => !known.has(id)).length,
    unverified: arrivals.filter((a) => !a.verified).length,
    errors: arrivals.filter((a) => a.status !== 'success').length,
    changed,
  };
}

/** Waits as long as `left` goes down, however slow the machine is, until it is 0. */
export async function untilNoneLeft(what: string, left: () => number | Promise<number>): Promise<void> {
  let before = await left();
  while (before > 0) {
    before = await until(what, async () => {
      const now = await left();
      return now < before && now;
    });
  }
}
