import { Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { DatabaseUnavailable } from '../database/faults';
import { every } from '../observability/every';
import { logger } from '../observability/logger';
import { flowsProcessed } from '../observability/metrics';
import { Poller } from '../queue/poller';
import { WakeUp } from '../queue/wake-up.service';
import type { Score } from './baseline';
import { Materials } from './materials.service';
import { ScoringService } from './scoring.service';
import { SCORING_DEADLINE_MS, ScoringTasks, type ScoringTask } from './scoring-tasks.service';

const TICK_MS = 1000;
const MAX_IN_FLIGHT = 16;
const MAX_PER_ACCOUNT = 8;
/** For reading the CV and asking the scorer, once. */
const WORK_MS = 25_000;
/** Before the second, third, … try; the last one is repeated. */
const RETRY_WAITS_MS = [1000, 2000, 4000, 8000] as const;
const STOPPING = new Error('the gateway is stopping');
const TOO_LONG = new Error('the work on this score took too long');

interface InFlight {
  readonly atsId: string;
  readonly giveUp: AbortController;
}

/** Makes the scores that results wait for: outside of any transaction, several side by side, fair between accounts. */
@Injectable()
export class ScoringWorker implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly inFlight = new Map<Promise<void>, InFlight>();
  private readonly trouble = every(10_000);
  private readonly poller = new Poller(
    () => this.work(),
    (error) => this.report(error),
  );

  constructor(
    private readonly tasks: ScoringTasks,
    private readonly materials: Materials,
    private readonly scoring: ScoringService,
    private readonly wakeUp: WakeUp,
  ) {
    wakeUp.on('scoring', () => this.poller.nudge());
  }

  onApplicationBootstrap(): void {
    this.poller.nudge();
  }

  /** What is under way is given back at once: a scorer may take longer than a stop should. */
  async beforeApplicationShutdown(): Promise<void> {
    await this.poller.stop();
    for (const { giveUp } of this.inFlight.values()) giveUp.abort(STOPPING);
    await Promise.all(this.inFlight.keys());
  }

  @Interval(TICK_MS)
  tick(): void {
    this.poller.nudge();
  }

  private async work(): Promise<boolean> {
    const free = MAX_IN_FLIGHT - this.inFlight.size;
    if (free <= 0) return false;
    const busy = new Map<string, number>();
    for (const { atsId } of this.inFlight.values()) busy.set(atsId, (busy.get(atsId) ?? 0) + 1);
    const claimed = await this.tasks.claim(free, busy, MAX_PER_ACCOUNT, WORK_MS);
    for (const task of claimed) this.start(task);
    return claimed.length > 0;
  }

  private start(task: ScoringTask): void {
    const giveUp = new AbortController();
    const timer = setTimeout(() => giveUp.abort(TOO_LONG), Math.min(WORK_MS, Math.max(0, task.remainingMs)));
    const done = this.attend(task, giveUp.signal)
      .catch((error: unknown) => this.report(error))
      .then(() => {
        clearTimeout(timer);
        this.inFlight.delete(done);
        this.poller.nudge();
      });
    this.inFlight.set(done, { atsId: task.atsId, giveUp });
  }

  private async attend(task: ScoringTask, signal: AbortSignal): Promise<void> {
    try {
      if (task.answer !== null) await this.finish(task, task.answer);
      else if (task.remainingMs <= 0) await this.finish(task, tooLate(task));
      else await this.score(task, signal);
    } catch (error) {
      if (error instanceof DatabaseUnavailable || signal.reason === STOPPING) {
        // Nothing was judged; and if this is not heard either, the lease ends.
        await this.tasks.release(task).catch(() => undefined);
        if (signal.reason !== STOPPING) this.report(error);
        return;
      }
      if (signal.reason !== TOO_LONG) logger.error({ err: error, ...identity(task) }, 'scoring.failed');
      await this.retry(task, signal.reason === TOO_LONG ? 'it took too long' : 'an internal fault');
    }
  }

  private async score(task: ScoringTask, signal: AbortSignal): Promise<void> {
    const material = await this.materials.gather(task, signal);
    if (typeof material === 'string') return this.finish(task, { score: null, reasons: [material] });
    signal.throwIfAborted();
    const outcome = await this.scoring.score({ ...task, material }, signal);
    switch (outcome.kind) {
      case 'scored':
        return this.finish(task, outcome);
      case 'later':
        return this.tasks.await(task);
      case 'failed':
        return this.retry(task, outcome.fault);
    }
  }

  private async retry(task: ScoringTask, fault: string): Promise<void> {
    logger.warn({ ...identity(task), fault, failures: task.failures + 1 }, 'scoring.retried');
    await this.tasks.retry(task, RETRY_WAITS_MS[task.failures] ?? RETRY_WAITS_MS[3], fault);
  }

  private async finish(task: ScoringTask, { score, reasons }: Score): Promise<void> {
    const scoredBy = this.scoring.name;
    const whole = score === null ? null : Math.round(score);
    if (!(await this.tasks.finish(task, { score: whole, reasons }, scoredBy))) return;
    this.wakeUp.hint('outbox');
    flowsProcessed.inc({ status: 'success' });
    const line = { ...identity(task), event: 'application.created', status: 'success', score: whole };
    logger.info({ ...line, scored_by: scoredBy, tries: task.failures + 1 }, 'flow.processed');
  }

  private report(error: unknown): void {
    this.trouble((suppressed) => {
      logger.warn({ err: error, suppressed }, 'scoring.interrupted');
    });
  }
}

function tooLate({ lastFault }: ScoringTask): Score {
  const reason = `There was no score within ${SCORING_DEADLINE_MS / 1000} s`;
  return { score: null, reasons: [lastFault === null ? reason : `${reason}: ${lastFault}`] };
}

function identity({ referenceId, atsId, clientId }: ScoringTask): object {
  return { reference_id: referenceId, ats_id: atsId, client_id: clientId };
}
