import { Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { EndpointHealth } from '../accounts/endpoint-health.service';
import { Env } from '../config/env';
import { every } from '../observability/every';
import { logger } from '../observability/logger';
import { Outbox, type DueAccount, type Message, type Settlement } from '../outbox/outbox.service';
import { GroupCommit } from '../queue/group-commit';
import { Poller } from '../queue/poller';
import { WakeUp } from '../queue/wake-up.service';
import { Attempts } from './attempts.service';
import { Slots, type Slot } from './slots';

const TICK_MS = 1000;
const SWEEP_MS = 60_000;
/** What a lease holds beyond the attempt itself, for the settling, also of one that waits for the database. */
const SETTLING_MS = 10_000;
const SETTLE_PAUSE_MS = 250;
/**
 * Looking for messages and finding fewer than this is followed by a rest, at most so long: under load there is always a slot
 * coming free, and a claim costs the database nearly the same for one message as for thirty.
 */
const [WORTHWHILE, MAX_REST_MS] = [32, 25];
/** Of what the looking took: so what finds little takes a third of the time, and a lone message waits for none. */
const REST = 2;
/** How many messages may be under way for each slot: the one that it sends, and one that was sent and waits for its settling. */
const UNDER_WAY_PER_SLOT = 2;
/** The part of the timeout within which an endpoint that is no burden answers: 1 s of 5. */
const FAST = 1 / 5;

/** Drains the outbox: claims what is due as slots come free, sends side by side, settles in groups. */
@Injectable()
export class DeliveryWorker implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly inFlight = new Set<Promise<void>>();
  private readonly slots: Slots;
  /** So few free slots are worth no look. They come free: who is slow or failing holds half of them at the most. */
  private readonly enough: number;
  private readonly settling = new GroupCommit<Settlement, true>(async (group) => {
    await this.outbox.settle(group);
    return group.map(() => true);
  });
  private readonly trouble = every(10_000);
  private restUntil = 0;
  private readonly poller = new Poller(
    () => this.work(),
    (error) => {
      this.report(error);
    },
  );

  constructor(
    private readonly outbox: Outbox,
    private readonly attempts: Attempts,
    private readonly health: EndpointHealth,
    private readonly env: Env,
    wakeUp: WakeUp,
  ) {
    const { DELIVERY_CONCURRENCY, DELIVERY_CONCURRENCY_PER_ACCOUNT, DELIVERY_TIMEOUT_MS } = env;
    this.enough = Math.min(WORTHWHILE, Math.ceil(DELIVERY_CONCURRENCY / 8));
    this.slots = new Slots(DELIVERY_CONCURRENCY, DELIVERY_CONCURRENCY_PER_ACCOUNT, DELIVERY_TIMEOUT_MS * FAST);
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
    await Promise.all(this.inFlight);
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
    await this.rest();
    if (this.slots.free < this.enough || this.inFlight.size >= UNDER_WAY_PER_SLOT * this.env.DELIVERY_CONCURRENCY)
      return false;
    const begun = performance.now();
    const { count, more } = await this.claim();
    const took = performance.now() - begun;
    if (count < WORTHWHILE) this.restUntil = performance.now() + Math.min(REST * took, MAX_REST_MS);
    return more;
  }

  /** Starts what it claims; resolves to how many, and whether there may be more at once. */
  private async claim(): Promise<{ count: number; more: boolean }> {
    const { accounts, last } = await this.outbox.dueAccounts();
    const leaseMs = this.leaseMs(accounts);
    const open = await this.admit(accounts, leaseMs);
    if (open.size === 0) return { count: 0, more: !last };
    const leasedUntil = performance.now() + leaseMs;
    const offers = [...open.values()].map(({ account, free }) => ({ atsId: account.atsId, free }));
    const { messages, parked } = await this.outbox.claim(offers, this.slots.free, leaseMs);
    for (const message of messages) {
      const account = open.get(message.atsId)?.account;
      if (account !== undefined) this.start(message, account, leasedUntil);
    }
    await this.returnProbes(open, messages);
    return { count: messages.length, more: messages.length > 0 || parked || !last };
  }

  private async rest(): Promise<void> {
    const ms = this.restUntil - performance.now();
    if (ms > 0) await new Promise((resume) => setTimeout(resume, ms));
  }

  /** How many messages of each account may be sent now: as its slots allow, and one where its breaker wants a probe. */
  private async admit(
    accounts: readonly DueAccount[],
    leaseMs: number,
  ): Promise<Map<string, { account: DueAccount; free: number }>> {
    const offers = this.slots.offer(
      accounts.map((account) => account.atsId),
      performance.now(),
    );
    const wanted = accounts.filter((account) => account.probing && offers.has(account.atsId));
    const probes = await this.health.takeProbes(
      wanted.map((account) => account.atsId),
      leaseMs,
    );
    return new Map(
      accounts.flatMap((account) => {
        const free = offers.get(account.atsId) ?? 0;
        const admitted = account.probing ? Number(probes.has(account.atsId)) : free;
        return admitted > 0 ? [[account.atsId, { account, free: admitted }]] : [];
      }),
    );
  }

  private async returnProbes(
    open: ReadonlyMap<string, { account: DueAccount }>,
    messages: readonly Message[],
  ): Promise<void> {
    const used = new Set(messages.map((m) => m.atsId));
    const idle = [...open.values()].filter(({ account }) => account.probing && !used.has(account.atsId));
    await this.health.returnProbes(idle.map(({ account }) => account.atsId));
  }

  /** During a rotation an attempt may take one sending for each live secret. */
  private leaseMs(accounts: readonly DueAccount[]): number {
    const sendings = Math.max(1, ...accounts.map((account) => account.secrets.length));
    return sendings * this.env.DELIVERY_TIMEOUT_MS + SETTLING_MS;
  }

  private start(message: Message, account: DueAccount, leasedUntil: number): void {
    const slot = this.slots.take(account.atsId, performance.now());
    const done = this.deliver(message, account, slot, leasedUntil)
      .catch((error: unknown) => {
        this.report(error);
      })
      .then(() => {
        this.inFlight.delete(done);
        this.poller.nudge();
      });
    this.inFlight.add(done);
  }

  /**
   * The slot of a success is free before it is settled, since its endpoint has nothing more to do; that of a failure is not,
   * so that nothing more goes there before the breaker has heard of it.
   */
  private async deliver(message: Message, account: DueAccount, slot: Slot, leasedUntil: number): Promise<void> {
    let succeeded = false;
    try {
      // The claim's answer may come late: a sending that outlives its lease could overtake, or be overtaken.
      if (performance.now() + account.secrets.length * this.env.DELIVERY_TIMEOUT_MS > leasedUntil) {
        await this.outbox.release([message]);
        return;
      }
      const settlement = await this.attempts.make(message, account);
      succeeded = settlement.attempt.outcome === 'success';
      if (succeeded) this.give(slot, true);
      await this.settle(settlement, leasedUntil);
    } finally {
      if (!succeeded) this.give(slot, false);
    }
  }

  private give(slot: Slot, succeeded: boolean): void {
    this.slots.give(slot, succeeded, performance.now());
    this.poller.nudge();
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
    this.trouble((suppressed) => {
      logger.warn({ err: error, suppressed }, 'delivery.interrupted');
    });
  }
}
