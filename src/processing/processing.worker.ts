import { Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { Database, statement, type Tx } from '../database/database';
import { DatabaseUnavailable, isCrossed } from '../database/faults';
import type { Result } from '../events/outbound';
import { failed } from '../events/results';
import { InboxQueue, type Claimed } from '../inbox/inbox-queue.service';
import { every } from '../observability/every';
import { logger } from '../observability/logger';
import { flowsProcessed } from '../observability/metrics';
import { Outbox } from '../outbox/outbox.service';
import { Poller } from '../queue/poller';
import { WakeUp } from '../queue/wake-up.service';
import { NamedFiles } from '../uploads/named-files.service';
import { Handlers } from './handlers';
import { laneOf, stages } from './stages';

/** Before the second, third, … try of a write whose handler threw; its workspace waits with it, so they are short. */
const RETRY_WAITS_MS = [1000, 5000, 15_000] as const;
/** Leases lost in a row: the first in a batch, whose culprit is not known, the others alone. */
const POISON_CRASHES = 4;
/** Shorter than the lease, with time to give the batch back. */
const TRANSACTION_DEADLINE_MS = 10_000;
const PING = statement('processing_ping', 'select 1');
const PING_DEADLINE_MS = 1000;
const MAX_CROSSINGS = 5;
const TICK_MS = 1000;

/** Drains the inbox: applies each claimed batch in one transaction and stores the results in that same transaction. */
@Injectable()
export class ProcessingWorker implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private suspectsTurn = false;
  private unsettled: readonly Claimed[] = [];
  private readonly trouble = every(10_000);
  private readonly poller = new Poller(
    () => this.work(),
    (error) => {
      this.trouble((suppressed) => logger.warn({ err: error, suppressed }, 'processing.interrupted'));
    },
  );

  constructor(
    private readonly queue: InboxQueue,
    private readonly outbox: Outbox,
    private readonly handlers: Handlers,
    private readonly files: NamedFiles,
    private readonly database: Database,
    private readonly wakeUp: WakeUp,
  ) {
    wakeUp.on('inbox', () => {
      this.poller.nudge();
    });
  }

  onApplicationBootstrap(): void {
    this.poller.nudge();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.poller.stop();
    await this.giveBack().catch(() => undefined);
  }

  @Interval(TICK_MS)
  tick(): void {
    this.poller.nudge();
  }

  private async work(): Promise<boolean> {
    await this.giveBack();
    const batch = await this.queue.claim();
    this.unsettled = batch;
    const suspects = batch.filter((m) => m.crashes > 0);
    if (suspects.length > 0) await this.processApart(batch, suspects);
    else if (batch.length > 0) await this.process(batch);
    this.unsettled = [];
    return batch.length > 0;
  }

  /**
   * The database's trouble is nobody's failure: what a run left unsettled goes back as it was, as soon as the database
   * answers. What was settled is untouched: it has left the queue, or its attempt has passed on.
   */
  private async giveBack(): Promise<void> {
    if (this.unsettled.length === 0) return;
    await this.queue.release(this.unsettled);
    this.unsettled = [];
  }

  /**
   * A suspect may end this process, and everything claimed with it would look as suspect: so it runs with nothing else
   * claimed. The others have every second turn, or one crash would hold up all workspaces.
   */
  private async processApart(batch: readonly Claimed[], suspects: readonly Claimed[]): Promise<void> {
    const sound = batch.filter((m) => m.crashes === 0);
    this.suspectsTurn = !this.suspectsTurn || sound.length === 0;
    const [suspect, ...others] = suspects;
    if (suspect === undefined || !this.suspectsTurn) {
      await this.queue.putBack(suspects);
      this.unsettled = sound;
      await this.process(sound);
      return;
    }
    if (others.length > 0) await this.queue.putBack(others);
    if (sound.length > 0) await this.queue.release(sound);
    this.unsettled = [suspect];
    await this.process([suspect]);
  }

  /**
   * Applies the batch, or halves it until the culprit stands alone. Returns the lanes in which a message stays in the
   * queue for its retry: what stands behind it there must wait with it.
   */
  private async process(batch: readonly Claimed[], crossings = 0): Promise<Set<string>> {
    try {
      await this.apply(batch, (writes) => this.results(writes.tx, writes.batch));
      return new Set();
    } catch (error) {
      if (isCrossed(error) && crossings < MAX_CROSSINGS) return this.process(batch, crossings + 1);
      if (error instanceof DatabaseUnavailable && !(error.deadline && (await this.answers()))) throw error;
      const [only] = batch;
      if (batch.length === 1 && only !== undefined) return this.judge(only, error);
      return this.processHalves(batch);
    }
  }

  private async processHalves(batch: readonly Claimed[]): Promise<Set<string>> {
    const half = Math.ceil(batch.length / 2);
    const halted = await this.process(batch.slice(0, half));
    const rest = batch.slice(half);
    const held = rest.filter((m) => halted.has(laneOf(m)));
    const free = rest.filter((m) => !halted.has(laneOf(m)));
    if (held.length > 0) await this.queue.release(held);
    const haltedLater = free.length > 0 ? await this.process(free) : [];
    return new Set([...halted, ...haltedLater]);
  }

  /** One transaction: takes the batch off the queue, makes its results, stores them. */
  private async apply(
    batch: readonly Claimed[],
    make: (work: { tx: Tx; batch: readonly Claimed[] }) => Promise<Result[]>,
  ): Promise<void> {
    const startedAt = performance.now();
    let own: readonly Claimed[] = [];
    const results = await this.database.transaction(async (tx) => {
      own = await this.queue.settle(tx, batch);
      const made = own.length > 0 ? await make({ tx, batch: own }) : [];
      if (made.length > 0) await this.outbox.append(tx, made);
      return made;
    }, TRANSACTION_DEADLINE_MS);
    if (results.length > 0) this.wakeUp.hint('outbox');
    if (results.some((r) => r.awaitsScore)) this.wakeUp.hint('scoring');
    // Their leases ended while this worker lives: slowness, which is no suspicion.
    const lost = batch.filter((m) => !own.includes(m));
    if (lost.length > 0) await this.queue.release(lost);
    this.report(results, batch.length, performance.now() - startedAt);
  }

  private async results(tx: Tx, batch: readonly Claimed[]): Promise<Result[]> {
    const sound = batch.filter((m) => m.crashes < POISON_CRASHES);
    const poison = batch.filter((m) => m.crashes >= POISON_CRASHES);
    const results = poison.map((m) => internalError(m, `it ended its worker ${m.crashes - 1} times`));
    await this.files.release(tx, poison);
    for (const { handler, writes } of stages(sound, (m) => this.handlers.byEvent[m.event])) {
      const made = await handler(tx, writes);
      if (made.length !== writes.length)
        throw new Error(`a handler made ${made.length} results of ${writes.length} writes`);
      results.push(...made);
    }
    return results;
  }

  private async judge(message: Claimed, error: unknown): Promise<Set<string>> {
    const wait = RETRY_WAITS_MS[message.failures];
    logger.error({ err: error, ...identity(message), failures: message.failures + 1 }, 'flow.failed');
    if (wait !== undefined) {
      await this.queue.retry(message, wait);
      return new Set([laneOf(message)]);
    }
    await this.apply([message], async ({ tx, batch }) => {
      await this.files.release(tx, batch);
      return batch.map((m) => internalError(m, 'its handler failed'));
    });
    return new Set();
  }

  /** Tells a server in trouble from a batch that is too much for one transaction. */
  private answers(): Promise<boolean> {
    return this.database.query(PING, [], PING_DEADLINE_MS).then(
      () => true,
      () => false,
    );
  }

  private report(results: readonly Result[], batchSize: number, durationMs: number): void {
    for (const { error, awaitsScore } of results) {
      if (!awaitsScore) flowsProcessed.inc({ status: error === null ? 'success' : 'error' });
    }
    if (!logger.isLevelEnabled('info')) return;
    const batch = { batch_size: batchSize, duration_ms: Math.round(durationMs * 100) / 100 };
    for (const { referenceId, atsId, clientId, event, error, awaitsScore } of results) {
      const line = { reference_id: referenceId, ats_id: atsId, client_id: clientId, event, ...batch };
      if (awaitsScore) logger.info(line, 'flow.awaits_score');
      else logger.info({ ...line, status: error === null ? 'success' : 'error', code: error?.code }, 'flow.processed');
    }
  }
}

function internalError(message: Claimed, cause: string): Result {
  logger.error({ ...identity(message), cause }, 'flow.given_up');
  return failed(message, {
    code: 'internal_error',
    message: 'The gateway could not process this write; please contact support',
  });
}

function identity({ referenceId, atsId, clientId, event }: Claimed): object {
  return { reference_id: referenceId, ats_id: atsId, client_id: clientId, event };
}
