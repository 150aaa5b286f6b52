import { Injectable } from '@nestjs/common';
import { randomBytes } from 'node:crypto';
import { Database, type Tx } from '../database/database';
import { DomainError } from '../errors';
import type { Result } from '../events/outbound';
import { succeeded } from '../events/results';
import { LOCK_LANES } from '../inbox/claim.sql';
import { Outbox } from '../outbox/outbox.service';
import type { Score } from './baseline';
import {
  ANSWER,
  ANSWERED,
  AWAIT,
  CLAIM,
  FINISH,
  LOAD_APPLICATION,
  RELEASE,
  RESERVE,
  RETRY,
  SAVE_APPLICATION,
} from './scoring.sql';

/** From the creation to the result, whatever fails (contract, section 4). */
export const SCORING_DEADLINE_MS = 60_000;
/** What a lease holds beyond the work itself, for finishing; also how long after the deadline a lost task is claimed. */
const FINISHING_MS = 5000;

/** A claimed task; `attempt` is the fence. */
export interface ScoringTask {
  readonly referenceId: string;
  readonly atsId: string;
  readonly clientId: string;
  readonly applicationId: string;
  /** As its creation left it. */
  readonly application: ApplicationData;
  readonly callbackToken: string;
  /** What a callback brought. */
  readonly answer: Score | null;
  /** What the last try came to. */
  readonly lastFault: string | null;
  readonly attempt: number;
  readonly failures: number;
  /** Until the deadline; negative behind it. */
  readonly remainingMs: number;
}

export interface ApplicationData {
  readonly application_id: string;
  readonly candidate_id: string;
  readonly vacancy_id: string;
  readonly cv?: { readonly carv_file_id: string };
}

interface TaskRow {
  reference_id: string;
  ats_id: string;
  client_id: string;
  application_id: string;
  data: ApplicationData;
  callback_token: string;
  answer: Score | null;
  last_fault: string | null;
  attempt: number;
  failures: number;
  remaining_ms: number;
}

/** The applications whose results wait for their scores. */
@Injectable()
export class ScoringTasks {
  private account = '';

  constructor(
    private readonly database: Database,
    private readonly outbox: Outbox,
  ) {}

  /**
   * Makes every new application's result await its score, in the transaction that created it.
   *
   * @param results of one handler's run over the applications of a batch, in their order
   */
  async reserve(tx: Tx, results: readonly Result[]): Promise<Result[]> {
    const created = results.filter((r) => r.event === 'application.created' && r.error === null);
    if (created.length === 0) return [...results];
    // Of those created twice within the batch, and deleted between, the last one is the application that is there.
    const present = new Map(created.map((r) => [JSON.stringify([r.atsId, r.entityKey]), r.referenceId]));
    await tx.query(RESERVE, [
      created.map((r) => r.referenceId),
      created.map((r) => r.atsId),
      created.map((r) => r.clientId),
      created.map((r) => (r.data as ApplicationData).application_id),
      created.map((r) => JSON.stringify(r.data)),
      created.map((r) => present.get(JSON.stringify([r.atsId, r.entityKey])) === r.referenceId),
      created.map(() => randomBytes(32).toString('base64url')),
      SCORING_DEADLINE_MS,
    ]);
    const awaiting = new Set(created);
    return results.map((r) => (awaiting.has(r) ? { ...r, awaitsScore: true } : r));
  }

  /**
   * @param busy how many tasks of each account are under way here
   * @param workMs for how long the work on a task goes on at most
   */
  async claim(
    limit: number,
    busy: ReadonlyMap<string, number>,
    perAccount: number,
    workMs: number,
  ): Promise<ScoringTask[]> {
    const rows = await this.database.query<TaskRow>(CLAIM, [
      limit,
      this.account,
      [...busy.keys()],
      [...busy.values()],
      perAccount,
      workMs + FINISHING_MS,
      FINISHING_MS,
    ]);
    this.account = rows.length === limit ? (rows.at(-1)?.ats_id ?? '') : '';
    return rows.map(toTask);
  }

  async release({ atsId, referenceId, attempt }: ScoringTask): Promise<void> {
    await this.database.query(RELEASE, [atsId, referenceId, attempt]);
  }

  async retry({ atsId, referenceId, attempt }: ScoringTask, waitMs: number, fault: string): Promise<void> {
    await this.database.query(RETRY, [atsId, referenceId, attempt, waitMs, fault]);
  }

  /** Leaves the task to the callback, and to the deadline. */
  async await({ atsId, referenceId, attempt }: ScoringTask): Promise<void> {
    await this.database.query(AWAIT, [atsId, referenceId, attempt]);
  }

  /** @throws {DomainError} `conflict` when the token was used before, `not_found` when no score is awaited by it */
  async answer(referenceId: string, token: string, score: Score): Promise<void> {
    const kept = await this.database.query(ANSWER, [referenceId, token, JSON.stringify(score)]);
    if (kept.length > 0) return;
    const used = await this.database.query(ANSWERED, [referenceId, token]);
    if (used.length > 0) throw new DomainError('conflict', 'This score was sent before');
    throw new DomainError('not_found', 'No score is awaited for this flow by this token');
  }

  /**
   * Ends the wait: stores the score with the application, if that is still there, and the result in its place.
   * False when the claim was lost, and nothing was done.
   */
  async finish(task: ScoringTask, score: Score, scoredBy: string): Promise<boolean> {
    const { referenceId, atsId, clientId, applicationId } = task;
    const fields = { score: score.score, score_reasons: score.reasons, scored_by: scoredBy };
    return this.database.transaction(async (tx) => {
      await tx.query(LOCK_LANES, [[atsId], [clientId]]);
      const [gone] = await tx.query<{ application_created_at: string | null }>(FINISH, [
        atsId,
        referenceId,
        task.attempt,
      ]);
      if (gone === undefined) return false;
      const key = [atsId, clientId, applicationId];
      const [stored] = await tx.query<{ data: object }>(LOAD_APPLICATION, [...key, gone.application_created_at]);
      if (stored !== undefined) {
        await tx.query(SAVE_APPLICATION, [...key, JSON.stringify({ ...stored.data, ...fields })]);
      }
      await this.outbox.complete(tx, resultOf(task, fields));
      return true;
    });
  }
}

function resultOf({ referenceId, atsId, clientId, applicationId, application }: ScoringTask, fields: object): Result {
  const write = {
    ...{ referenceId, atsId, clientId, userId: null, payload: null },
    ...({ event: 'application.created', entityId: applicationId } as const),
  };
  return succeeded(write, 'application.created', { ...application, ...fields });
}

function toTask(row: TaskRow): ScoringTask {
  return {
    referenceId: row.reference_id,
    atsId: row.ats_id,
    clientId: row.client_id,
    applicationId: row.application_id,
    application: row.data,
    callbackToken: row.callback_token,
    answer: row.answer,
    lastFault: row.last_fault,
    attempt: row.attempt,
    failures: row.failures,
    remainingMs: row.remaining_ms,
  };
}
