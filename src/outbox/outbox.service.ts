import { Injectable } from '@nestjs/common';
import { EndpointHealth, type EndpointEffect } from '../accounts/endpoint-health.service';
import { toEnvelope, type OutboundEventType, type Result } from '../events/outbound';
import { Clock } from '../database/clock';
import { Database, type Tx } from '../database/database';
import { isCrossed } from '../database/faults';
import type { OutgoingAttempt } from '../delivery-log/delivery-log.service';
import { logger } from '../observability/logger';
import { LowMarks, type Looked } from './low-marks';
import { APPEND, CLAIM, DUE_ACCOUNTS, EXPIRE, PARK, RELEASE, SETTLE, SWEEP, WAKE } from './outbox.sql';

/** An account with due messages and its endpoint. */
export interface DueAccount {
  readonly atsId: string;
  readonly url: string;
  /** Sealed; the one that the endpoint is thought to hold comes last. */
  readonly secrets: readonly { readonly id: string; readonly sealed: Buffer }[];
  /** Its last attempts failed, so that a success is news. */
  readonly failing: boolean;
  /** Its breaker is open and rested: one probe may be sent. */
  readonly probing: boolean;
}

/** A claimed message: `attempt` is the fence, `failures` the judged outcomes before this attempt. */
export interface Message {
  readonly id: string;
  readonly attempt: number;
  readonly failures: number;
  readonly atsId: string;
  readonly referenceId: string;
  readonly event: OutboundEventType;
  readonly body: string;
}

/** What one attempt came to, ready for the delivery log. */
export interface Settlement {
  readonly message: Message;
  readonly verdict: 'delivered' | 'retry' | 'dead';
  /** Before the next attempt; 0 unless the verdict is `retry`. */
  readonly waitMs: number;
  /** Whether the attempt uses up one of the schedule. */
  readonly counted: boolean;
  /** Null when it tells nothing of the endpoint. */
  readonly effect: EndpointEffect | null;
  readonly attempt: OutgoingAttempt;
}

interface DueRow extends Looked {
  url: string | null;
  secrets: { id: number; sealed: string }[] | null;
  failing: boolean;
  probing: boolean;
}

interface SettledRow {
  id: string;
  attempt: number;
  ats_id: string;
  entity_key: string | null;
  gone: boolean;
}

interface ClaimRow {
  id: string;
  attempt: number | null;
  failures: number;
  ats_id: string;
  reference_id: string;
  available_at: Date;
  event: OutboundEventType;
  body: string;
}

type Step = 'whole' | 'reserved' | 'completed';

const ACCOUNTS_PER_CLAIM = 256;
/** Messages become visible a little after their `available_at`: a hint younger than this could pass them by. */
const HINT_MARGIN_MS = 1000;
/** How long the hints are trusted before a scan that sees everything. */
const FULL_SCAN_MS = 1000;
const MAX_CROSSINGS = 5;
const EXPIRED_AT_ONCE = 1000;

/** The results that await delivery: ordered within an entity, free otherwise, fair between accounts. */
@Injectable()
export class Outbox {
  private account = '';
  private readonly marks = new LowMarks();
  private readonly low = new Map<string, number>();
  private fullScanAt = 0;

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly health: EndpointHealth,
  ) {}

  /**
   * Stores and queues results in the transaction that made them. One that awaits its score is only given its place, which
   * what follows in its entity waits behind, until it is completed.
   */
  append(tx: Tx, results: readonly Result[]): Promise<void> {
    return this.store(
      tx,
      results,
      results.map((r) => (r.awaitsScore ? 'reserved' : 'whole')),
    );
  }

  /** Stores a result whose place was reserved before, and makes it due. */
  complete(tx: Tx, result: Result): Promise<void> {
    return this.store(tx, [result], ['completed']);
  }

  private async store(tx: Tx, results: readonly Result[], steps: readonly Step[]): Promise<void> {
    const at = this.clock.now();
    await tx.query(APPEND, [
      results.map((r) => r.referenceId),
      results.map((r) => r.atsId),
      results.map((r) => r.clientId),
      results.map((r) => r.event),
      results.map((r) => (r.error === null ? 'success' : 'error')),
      results.map((r) => toEnvelope(r, at)),
      results.map((r) => r.entityKey),
      new Date(at),
      steps,
    ]);
  }

  /** The next accounts of the round that have something due; `last` when the round is complete. */
  async dueAccounts(): Promise<{ accounts: DueAccount[]; last: boolean }> {
    const { accounts: known, lows, end } = this.marks.from(this.account, ACCOUNTS_PER_CLAIM);
    const begun = performance.now();
    const columns = [this.account, ACCOUNTS_PER_CLAIM, known, lows, end];
    const rows = await this.database.query<DueRow>(DUE_ACCOUNTS, columns);
    this.marks.note(rows, performance.now() - begun);
    const last = rows.length < ACCOUNTS_PER_CLAIM;
    this.account = last ? '' : (rows.at(-1)?.ats_id ?? '');
    const accounts = rows.flatMap(({ ats_id, url, secrets, failing, probing }) => {
      if (url === null || secrets === null) return [];
      const sealed = secrets.map((s) => ({ id: String(s.id), sealed: Buffer.from(s.sealed, 'base64') }));
      return [{ atsId: ats_id, url, secrets: sealed, failing, probing }];
    });
    return { accounts, last };
  }

  /**
   * Claims at most `limit` messages, of each account at most its `free` slots. Messages found blocked are parked; then
   * others, behind the part of the queue that was looked at, may be due.
   *
   * @param leaseMs must outlast an attempt and its settling
   */
  async claim(
    accounts: readonly { atsId: string; free: number }[],
    limit: number,
    leaseMs: number,
  ): Promise<{ messages: Message[]; parked: boolean }> {
    // What is looked at is locked: looking at as much of each as all could take together would be mostly in vain.
    const share = Math.ceil((1.5 * limit) / accounts.length);
    const rows = await this.database.query<ClaimRow>(CLAIM, [
      accounts.map((a) => a.atsId),
      accounts.map((a) => Math.min(a.free, share)),
      this.lows(accounts.map((a) => a.atsId)),
      limit,
      leaseMs,
    ]);
    const blocked = rows.filter((row) => row.attempt === null);
    const parked = blocked.length > 0 && (await this.park(blocked));
    const messages = rows.flatMap((row) => (row.attempt === null ? [] : [this.claimed(row, row.attempt)]));
    return { messages, parked };
  }

  /** Ends attempts, and wakes whoever waited behind the messages that left the queue. */
  async settle(settlements: readonly Settlement[], crossings = 0): Promise<void> {
    try {
      await this.database.transaction(async (tx) => {
        const settled = await tx.query<SettledRow>(SETTLE, settleColumns(settlements));
        const gone = settled.filter((row) => row.gone);
        if (gone.length > 0) await tx.query(WAKE, [gone.map((row) => row.ats_id), gone.map((row) => row.entity_key)]);
        // By attempt too: a group may hold a message twice, once by a lease that was lost.
        const own = new Set(settled.map(leaseOf));
        const effects = settlements.flatMap(({ message, effect }) =>
          effect && own.has(leaseOf(message)) ? [effect] : [],
        );
        await this.health.judge(tx, effects);
      });
    } catch (error) {
      if (isCrossed(error) && crossings < MAX_CROSSINGS) return this.settle(settlements, crossings + 1);
      throw error;
    }
  }

  /** Gives messages back unjudged. */
  async release(messages: readonly Message[]): Promise<void> {
    await this.database.query(RELEASE, [
      messages.map((m) => m.atsId),
      messages.map((m) => m.id),
      messages.map((m) => m.attempt),
    ]);
  }

  /** Wakes messages asleep behind nobody and returns their flows: there should never be one. */
  async sweep(): Promise<string[]> {
    return (await this.database.query<{ reference_id: string }>(SWEEP)).map((row) => row.reference_id);
  }

  /** What was claimed is to be sent even when this fails: the next claim finds the blocked ones again. */
  private async park(blocked: readonly ClaimRow[]): Promise<boolean> {
    try {
      return (
        (await this.database.query(PARK, [blocked.map((row) => row.ats_id), blocked.map((row) => row.id)])).length > 0
      );
    } catch (error) {
      logger.warn({ err: error }, 'outbox.not_parked');
      return false;
    }
  }

  /** Takes away what was queued before `before`, for the first time or again, and waited since; returns how many. */
  async expire(before: Date): Promise<number> {
    let count = 0;
    for (let last = EXPIRED_AT_ONCE; last === EXPIRED_AT_ONCE; count += last) {
      last = await this.database.transaction(async (tx) => {
        const gone = await tx.query<{ ats_id: string; entity_key: string }>(EXPIRE, [before, EXPIRED_AT_ONCE]);
        if (gone.length > 0) await tx.query(WAKE, [gone.map((row) => row.ats_id), gone.map((row) => row.entity_key)]);
        return gone.length;
      });
    }
    return count;
  }

  private claimed(row: ClaimRow, attempt: number): Message {
    const seen = row.available_at.getTime() - HINT_MARGIN_MS;
    this.low.set(row.ats_id, Math.max(seen, this.low.get(row.ats_id) ?? seen));
    return {
      id: row.id,
      attempt,
      failures: row.failures,
      atsId: row.ats_id,
      referenceId: row.reference_id,
      event: row.event,
      body: row.body,
    };
  }

  /** Lost leases stand before the hint, so every so often all is scanned from the account's mark. */
  private lows(accounts: readonly string[]): string[] {
    if (performance.now() >= this.fullScanAt) {
      this.fullScanAt = performance.now() + FULL_SCAN_MS;
      this.low.clear();
    }
    return accounts.map((account) => {
      const low = this.low.get(account) ?? this.marks.of(account)?.getTime();
      return low === undefined ? '-infinity' : new Date(low).toISOString();
    });
  }
}

function leaseOf({ id, attempt }: { readonly id: string; readonly attempt: number }): string {
  return `${id}/${attempt}`;
}

/** In the order of the statement's parameters. */
function settleColumns(settlements: readonly Settlement[]): unknown[] {
  return [
    settlements.map((s) => s.message.id),
    settlements.map((s) => s.message.attempt),
    settlements.map((s) => s.verdict),
    settlements.map((s) => s.waitMs),
    settlements.map((s) => s.attempt.id),
    settlements.map((s) => s.message.failures + 1),
    settlements.map((s) => s.attempt.outcome),
    settlements.map((s) => s.attempt.statusCode),
    settlements.map((s) => s.attempt.error),
    settlements.map((s) => s.attempt.durationMs),
    settlements.map((s) => s.attempt.signature),
    settlements.map((s) => JSON.stringify(s.attempt.requestHeaders)),
    settlements.map((s) => JSON.stringify(s.attempt.responseHeaders)),
    settlements.map((s) => s.attempt.responseBody),
    settlements.map((s) => s.message.event),
    settlements.map((s) => s.counted),
    settlements.map((s) => s.message.atsId),
  ];
}
