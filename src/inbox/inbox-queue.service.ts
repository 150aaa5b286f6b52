import { Injectable } from '@nestjs/common';
import type { InboundEventType, Write } from '../events/inbound';
import { Database, type Tx } from '../database/database';
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

/** The accepted writes that await processing: serial within a workspace, side by side otherwise. */
@Injectable()
export class InboxQueue {
  /** Where the rounds stopped, so that no account and no workspace is served twice before all were served once. */
  private account = '';
  private readonly clients = new Map<string, string>();

  constructor(private readonly database: Database) {}

  /**
   * Claims a batch round the accounts and, in each, round its workspaces; in the order in which they were accepted.
   * An empty one means that nothing in the whole queue is due.
   */
  async claim(): Promise<Claimed[]> {
    // Only a round that began at the start has seen everything.
    for (let rounds = this.atStart() ? 1 : 0; rounds < 2; rounds += Number(this.atStart())) {
      const batch = await this.claimNext();
      if (batch.length > 0) return batch;
    }
    return [];
  }

  private atStart(): boolean {
    return this.account === '' && this.clients.size === 0;
  }

  private async claimNext(): Promise<Claimed[]> {
    const accounts = await this.nextAccounts();
    if (accounts.length === 0) return [];
    const rows = await this.database.transaction(async (tx) => {
      const lanes = await this.takeLanes(tx, accounts);
      if (lanes.length === 0) return [];
      const each = Math.ceil(MESSAGES_PER_CLAIM / lanes.length);
      return tx.query<ClaimedRow>(CLAIM, [...laneColumns(lanes), each, LEASE_MS]);
    });
    return rows.map(toClaimed);
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
    const settled = await tx.query<{ id: string }>(SETTLE, [batch.map((m) => m.id), batch.map((m) => m.attempt)]);
    const ids = new Set(settled.map((row) => row.id));
    return batch.filter((m) => ids.has(m.id));
  }

  /** Gives messages back unjudged. */
  async release(batch: readonly Claimed[]): Promise<void> {
    await this.database.query(RELEASE, [batch.map((m) => m.id), batch.map((m) => m.attempt)]);
  }

  /** Gives back suspects that were not tried, with their suspicion. */
  async putBack(suspects: readonly Claimed[]): Promise<void> {
    await this.database.query(PUT_BACK, [suspects.map((m) => m.id), suspects.map((m) => m.attempt)]);
  }

  /** Counts a failure and makes the message due again; its workspace waits with it. */
  async retry(message: Claimed, waitMs: number): Promise<void> {
    await this.database.query(RETRY, [message.id, message.attempt, waitMs]);
  }

  private async nextAccounts(): Promise<string[]> {
    const rows = await this.database.query<{ ats_id: string }>(ACCOUNTS, [this.account, ACCOUNTS_PER_CLAIM]);
    this.account = rows.length === ACCOUNTS_PER_CLAIM ? (rows.at(-1)?.ats_id ?? '') : '';
    return rows.map((row) => row.ats_id);
  }

  private async takeLanes(tx: Tx, accounts: string[]): Promise<Lane[]> {
    const each = Math.ceil(LANES_PER_CLAIM / accounts.length);
    const after = accounts.map((account) => this.clients.get(account) ?? '');
    const lanes = await tx.query<Lane & { free: boolean }>(LANES, [accounts, after, each]);
    for (const account of accounts) {
      const own = lanes.filter((lane) => lane.ats_id === account);
      if (own.length === each) this.clients.set(account, own.at(-1)?.client_id ?? '');
      else this.clients.delete(account);
    }
    return lanes.filter((lane) => lane.free);
  }
}

function laneColumns(lanes: readonly Lane[]): [string[], string[]] {
  return [lanes.map((lane) => lane.ats_id), lanes.map((lane) => lane.client_id)];
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
