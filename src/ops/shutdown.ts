import { logger } from '../observability/logger';

/**
 * One Ctrl-C may arrive twice, from the terminal and from npm, which passes it on. What comes later than this is a
 * person who does not want to wait.
 */
const ECHO_MS = 1000;

/** Ends the process in order, whenever it is asked to: also while it is still starting. */
export class Shutdown {
  private readonly steps: (() => Promise<void>)[] = [];
  private running: Promise<void> | undefined;
  private requestedAt: number | undefined;
  private started = false;

  constructor() {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => {
        this.request(signal);
      });
    }
  }

  /** Steps run in the reverse order of their adding. */
  add(step: () => Promise<void>): void {
    this.steps.push(step);
  }

  now(): Promise<void> {
    return (this.running ??= this.run());
  }

  /** Between the stages of the start: a signal that came during one is obeyed here, and nothing is left behind. */
  async stage(): Promise<void> {
    if (this.requestedAt !== undefined) await this.exit();
  }

  /** From here on a signal is obeyed at once. */
  async ready(): Promise<void> {
    this.started = true;
    await this.stage();
  }

  private request(signal: string): void {
    if (this.requestedAt !== undefined) {
      if (performance.now() - this.requestedAt > ECHO_MS) process.exit(1);
      return;
    }
    this.requestedAt = performance.now();
    logger.info({ signal }, 'gateway.stopping');
    if (this.started) void this.exit();
  }

  private async exit(): Promise<never> {
    try {
      await this.now();
      process.exit(0);
    } catch (error) {
      logger.error({ err: error }, 'gateway.stopped_badly');
      process.exit(1);
    }
  }

  private async run(): Promise<void> {
    for (const step of this.steps.toReversed()) await step();
  }
}
