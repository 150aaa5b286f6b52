import { Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { WebhookSecrets } from '../accounts/webhook-secrets.service';
import { Env } from '../config/env';
import { Clock } from '../database/clock';
import { eventId } from '../events/outbound';
import { every } from '../observability/every';
import { logger } from '../observability/logger';
import { Outbox, type DueAccount, type Message, type Settlement } from '../outbox/outbox.service';
import { GroupCommit } from '../queue/group-commit';
import { Poller } from '../queue/poller';
import { WakeUp } from '../queue/wake-up.service';
import { decide } from './retry-policy';
import { Sender, type Sent } from './sender';

const TICK_MS = 1000;
const SWEEP_MS = 60_000;
/** What a lease holds beyond the attempt itself, for the settling, also of one that waits for the database. */
const SETTLING_MS = 10_000;
const SETTLE_PAUSE_MS = 250;

/** Drains the outbox: claims what is due as slots come free, sends side by side, settles in groups. */
@Injectable()
export class DeliveryWorker implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly inFlight = new Map<Message, Promise<void>>();
  private readonly perAccount = new Map<string, number>();
  private readonly settling = new GroupCommit<Settlement, true>(async (group) => {
    await this.outbox.settle(group);
    return group.map(() => true);
  });
  private readonly trouble = every(10_000);
  private readonly poller = new Poller(
    () => this.work(),
    (error) => this.report(error),
  );

  constructor(
    private readonly outbox: Outbox,
    private readonly sender: Sender,
    private readonly secrets: WebhookSecrets,
    private readonly clock: Clock,
    private readonly env: Env,
    wakeUp: WakeUp,
  ) {
    wakeUp.on('outbox', () => {
      this.poller.nudge();
    });
  }

  onApplicationBootstrap(): void {
    this.poller.nudge();
  }

  /** What is being sent ends within its deadline and is settled. */
  async beforeApplicationShutdown(): Promise<void> {
    await this.poller.stop();
    await Promise.all(this.inFlight.values());
  }

  @Interval(TICK_MS)
  tick(): void {
    this.poller.nudge();
  }

  /** A find is a bug in the rules of parking: it is mended, and said aloud. */
  @Interval(SWEEP_MS)
  async sweep(): Promise<void> {
    try {
      const woken = await this.outbox.sweep();
      if (woken.length > 0)
        logger.error({ reference_ids: woken.slice(0, 20), count: woken.length }, 'outbox.sleepers_found');
    } catch (error) {
      this.report(error);
    }
  }

  private async work(): Promise<boolean> {
    const free = this.env.DELIVERY_CONCURRENCY - this.inFlight.size;
    if (free <= 0) return false;
    const { accounts, last } = await this.outbox.dueAccounts();
    const open = accounts.flatMap((account) => {
      const slots = this.env.DELIVERY_CONCURRENCY_PER_ACCOUNT - (this.perAccount.get(account.atsId) ?? 0);
      return slots > 0 ? [{ ...account, free: slots }] : [];
    });
    if (open.length === 0) return !last;
    const leasedUntil = performance.now() + this.leaseMs();
    const { messages, parked } = await this.outbox.claim(open, free, this.leaseMs());
    const byId = new Map(open.map((account) => [account.atsId, account]));
    for (const message of messages) {
      const account = byId.get(message.atsId);
      if (account !== undefined) this.start(message, account, leasedUntil);
    }
    return messages.length > 0 || parked || !last;
  }

  private leaseMs(): number {
    return this.env.DELIVERY_TIMEOUT_MS + SETTLING_MS;
  }

  private start(message: Message, account: DueAccount, leasedUntil: number): void {
    const { atsId } = account;
    this.perAccount.set(atsId, (this.perAccount.get(atsId) ?? 0) + 1);
    const done = this.deliver(message, account, leasedUntil)
      .catch((error: unknown) => this.report(error))
      .finally(() => {
        this.inFlight.delete(message);
        const left = (this.perAccount.get(atsId) ?? 1) - 1;
        if (left === 0) this.perAccount.delete(atsId);
        else this.perAccount.set(atsId, left);
        this.poller.nudge();
      });
    this.inFlight.set(message, done);
  }

  private async deliver(message: Message, account: DueAccount, leasedUntil: number): Promise<void> {
    const id = this.clock.uuidv7();
    const sent = await this.sender.send({
      url: account.url,
      eventId: eventId(message.referenceId),
      referenceId: message.referenceId,
      event: message.event,
      body: Buffer.from(message.body),
      secrets: account.secrets.map((sealed) => this.secrets.open(sealed)),
      timestamp: this.clock.unixSeconds(),
    });
    const settlement = this.judge(message, id, sent);
    logAttempt(settlement);
    await this.settle(settlement, leasedUntil);
  }

  private judge(message: Message, id: string, { outcome, durationMs, signature, headers }: Sent): Settlement {
    const decision = decide(outcome, message.failures, this.env.DELIVERY_RETRY_SCHEDULE, Math.random());
    const answered = outcome.kind === 'answer';
    return {
      message,
      verdict: decision.verdict,
      waitMs: decision.verdict === 'retry' ? decision.waitMs : 0,
      attempt: {
        id,
        outcome: decision.verdict === 'delivered' ? 'success' : answered ? 'failure' : 'error',
        statusCode: answered ? outcome.statusCode : null,
        error: answered ? null : outcome.fault,
        durationMs,
        signature,
        requestHeaders: headers,
        responseHeaders: answered ? outcome.headers : {},
        responseBody: answered ? outcome.body : null,
      },
    };
  }

  /** While the database is in trouble the outcome is kept, as long as the lease: past it, the message is another's. */
  private async settle(settlement: Settlement, leasedUntil: number): Promise<void> {
    for (;;) {
      try {
        await this.settling.add(settlement, settlement.attempt.responseBody?.length ?? 0);
        return;
      } catch (error) {
        if (performance.now() + SETTLE_PAUSE_MS > leasedUntil) throw error;
        this.report(error);
        await new Promise((resume) => setTimeout(resume, SETTLE_PAUSE_MS));
      }
    }
  }

  private report(error: unknown): void {
    this.trouble((suppressed) => logger.warn({ err: error, suppressed }, 'delivery.interrupted'));
  }
}

function logAttempt({ message, verdict, waitMs, attempt }: Settlement): void {
  if (!logger.isLevelEnabled('info')) return;
  logger.info(
    {
      reference_id: message.referenceId,
      event_id: eventId(message.referenceId),
      ats_id: message.atsId,
      event: message.event,
      number: message.failures + 1,
      claim: message.attempt,
      outcome: attempt.outcome,
      verdict,
      status_code: attempt.statusCode,
      fault: attempt.error,
      duration_ms: attempt.durationMs,
      next_attempt_in_ms: verdict === 'retry' ? waitMs : null,
      body_bytes: message.body.length,
      response_bytes: attempt.responseBody?.length ?? 0,
    },
    'delivery.attempted',
  );
}
