import { AsyncResource } from 'node:async_hooks';

/**
 * Repeats `work` until it finds nothing to do. Runs never overlap; a nudge during a run makes it look once more, so
 * that what was committed while it looked is not left to the next tick.
 */
export class Poller {
  private running: Promise<void> | null = null;
  private again = false;
  private stopped = false;

  /**
   * @param work does one batch; resolves to whether there may be more at once
   * @param onError is told of each fault; the run ends with it and the next tick tries again
   */
  constructor(
    private readonly work: () => Promise<boolean>,
    private readonly onError: (error: unknown) => void,
  ) {}

  /** Looks for work now; a tick and a hint are the same thing. */
  nudge(): void {
    if (this.stopped) return;
    this.again = true;
    this.running ??= this.run().finally(() => {
      this.running = null;
      if (this.again) this.nudge();
    });
  }

  /** No batch begins after this; resolves when the one under way has ended. */
  async stop(): Promise<void> {
    this.stopped = true;
    await this.running;
  }

  /** Bound to no nudger's context: its log lines are not those of the request that happened to wake it. */
  private readonly run = AsyncResource.bind(async (): Promise<void> => {
    try {
      let more = true;
      while ((more || this.again) && !this.stopped) {
        this.again = false;
        more = await this.work();
      }
    } catch (error) {
      this.again = false;
      this.onError(error);
    }
  });
}
