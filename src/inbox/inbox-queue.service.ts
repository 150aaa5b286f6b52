import { Injectable } from '@nestjs/common';
import type { InboundEventType, Write } from '../events/inbound';
import { Database, type Tx } from '../database/database';
import { LaneMarks, type Mark } from './lane-marks';
import { ACCOUNTS, CLAIM, LANES, LOCK_LANES, PUT_BACK, RELEASE, RETRY, SETTLE } from './claim.sql';

/** A claimed write: `attempt` is the fence, so whoever settles must show the number under which it was claimed. */
export interface Claimed extends Write {
  readonly id: string;
  readonly attempt: number;
  /** Judged failures so far. */
  readonly failures: number;
  /** Leases in a row that ended unsettled: above 0, the message may be what ends its workers, and must run alone. */
  readonly crashes: number;
}

interface ClaimedRow {
  id: string;
  attempt: number;
  failures: number;
  crashes: number;
  reference_id: string;
  ats_id: string;
  client_id: string;
  user_id: string | null;
  event: InboundEventType;
  entity_id: string;
  payload: unknown;
}

interface Lane {
  ats_id: string;
  client_id: string;
}

const ACCOUNTS_PER_CLAIM = 128;
const LANES_PER_CLAIM = 64;
/** Set-based handlers gain little past this; it also bounds what one failing batch holds up. */
const MESSAGES_PER_CLAIM = 256;
/** Longer than a batch's transaction may take, so that a living worker does not lose what it is applying. */
export const LEASE_MS = 15_000;
/** So that what a claim brings still has most of its lease. */
const CLAIM_DEADLINE_MS = 5000;

/** The accepted writes that await processing: serial within a workspace, side by side otherwise. */
@Injectable()
export class InboxQueue {
  /** Where the last claim stopped, so that none is served twice before all were served once. */
  private account = '';
  private readonly clients = new Map<string, string>();
  private readonly marks: LaneMarks;

  constructor(private readonly database: Database) {
    this.marks = new LaneMarks(database);
  }

  /**
   * Claims a batch round the accounts and, in each, round its workspaces; in the order in which they were accepted.
   * An empty one means that nothing in the whole queue is due.
   */
  async claim(): Promise<Claimed[]> {
    // An account is done with when its last lane was reached after its first was looked at in this very call.
    const horizon = await this.marks.advance();
    const begun = new Set<string>();
    const done = new Set<string>();
    for (let idle = false; ;) {
      if (this.account === '') {
        if (idle) break;
        idle = true;
      }
      const page = await this.accountsAfter(this.account);
      this.account = page.length === ACCOUNTS_PER_CLAIM ? (page.at(-1) ?? '') : '';
      const open = page.flatMap((atsId) => (done.has(atsId) ? [] : [{ atsId, after: this.clients.get(atsId) ?? '' }]));
      if (open.length === 0) continue;
      idle = false;
      const { batch, ended } = await this.claimFrom(open, horizon);
      for (const { atsId, after } of open) {
        if (after === '') begun.add(atsId);
        if (ended.has(atsId) && begun.has(atsId)) done.add(atsId);
      }
      if (batch.length > 0) return batch;
    }
    this.clients.clear();
    return [];
  }

  /**
   * The first statements of the transaction that applies a batch: takes the lanes and the messages off the queue.
   * Returns those that are still this worker's; the others were claimed by somebody else meanwhile.
   */
  async settle(tx: Tx, batch: readonly Claimed[]): Promise<Claimed[]> {
    const lanes = new Map(
      batch.map((m) => [JSON.stringify([m.atsId, m.clientId]), { ats_id: m.atsId, client_id: m.clientId }]),
    );
    await tx.query(LOCK_LANES, laneColumns([...lanes.values()]));
    const settled = await tx.query<{ id: string }>(SETTLE, leaseColumns(batch));
    const ids = new Set(settled.map((row) => row.id));
    return batch.filter((m) => ids.has(m.id));
  }

  /** Gives messages back unjudged. */
  async release(batch: readonly Claimed[]): Promise<void> {
    await this.database.query(RELEASE, leaseColumns(batch));
  }

  /** Gives back suspects that were not tried, with their suspicion. */
  async putBack(suspects: readonly Claimed[]): Promise<void> {
    await this.database.query(PUT_BACK, leaseColumns(suspects));
  }

  /** Counts a failure and makes the message due again; its workspace waits with it. */
  async retry(message: Claimed, waitMs: number): Promise<void> {
    await this.database.query(RETRY, [message.atsId, message.id, message.attempt, waitMs]);
  }

  private async accountsAfter(account: string): Promise<string[]> {
    const columns = [account, ACCOUNTS_PER_CLAIM, ...markColumns(this.marks.behind(account))];
    const rows = await this.database.query<{ ats_id: string }>(ACCOUNTS, columns);
    return rows.map((row) => row.ats_id);
  }

  /** Claims from the next lanes of each account, and remembers where it stopped; `ended` are those at their last lane. */
  private async claimFrom(
    accounts: readonly { atsId: string; after: string }[],
    horizon: bigint,
  ): Promise<{ batch: Claimed[]; ended: Set<string> }> {
    const each = Math.ceil(LANES_PER_CLAIM / accounts.length);
    const { batch, lanes } = await this.database.transaction(async (tx) => {
      const after = new Map(accounts.map((a) => [a.atsId, a.after]));
      const marks = this.marks.behind('').filter((m) => m.clientId > (after.get(m.atsId) ?? m.clientId));
      const columns = [[...after.keys()], [...after.values()], each, ...markColumns(marks)];
      const found = await tx.query<Lane & { free: boolean }>(LANES, columns);
      const free = found.filter((lane) => lane.free);
      if (free.length === 0) return { batch: [], lanes: found };
      const perLane = Math.ceil(MESSAGES_PER_CLAIM / free.length);
      const rows = await tx.query<ClaimedRow>(CLAIM, [
        ...laneColumns(free),
        perLane,
        LEASE_MS,
        free.map((lane) => this.marks.of(lane.ats_id, lane.client_id)),
      ]);
      return { batch: rows.map(toClaimed), lanes: found };
    }, CLAIM_DEADLINE_MS);
    // The batch is in the order of its ids, and of each lane it holds the oldest that there is.
    for (const { atsId, clientId, id } of batch.toReversed()) this.marks.note(atsId, clientId, id, horizon);
    const ended = new Set<string>();
    for (const { atsId } of accounts) {
      const own = lanes.filter((lane) => lane.ats_id === atsId);
      if (own.length === each) {
        this.clients.set(atsId, own.at(-1)?.client_id ?? '');
      } else {
        this.clients.delete(atsId);
        ended.add(atsId);
      }
    }
    return { batch, ended };
  }
}

function laneColumns(lanes: readonly Lane[]): [string[], string[]] {
  return [lanes.map((lane) => lane.ats_id), lanes.map((lane) => lane.client_id)];
}

function markColumns(marks: readonly Mark[]): [string[], string[], string[]] {
  return [marks.map((m) => m.atsId), marks.map((m) => m.clientId), marks.map((m) => m.id)];
}

function leaseColumns(batch: readonly Claimed[]): [string[], string[], number[]] {
  return [batch.map((m) => m.atsId), batch.map((m) => m.id), batch.map((m) => m.attempt)];
}

function toClaimed(row: ClaimedRow): Claimed {
  return {
    id: row.id,
    attempt: row.attempt,
    failures: row.failures,
    crashes: row.crashes,
    referenceId: row.reference_id,
    atsId: row.ats_id,
    clientId: row.client_id,
    userId: row.user_id,
    event: row.event,
    entityId: row.entity_id,
    payload: row.payload,
  };
}
