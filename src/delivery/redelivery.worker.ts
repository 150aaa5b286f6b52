import { Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { every } from '../observability/every';
import { logger } from '../observability/logger';
import { BulkRedeliveries } from '../outbox/bulk-redeliveries.service';
import { Poller } from '../queue/poller';

const TICK_MS = 1000;

/** Works off what people asked to be delivered again in bulk. */
@Injectable()
export class RedeliveryWorker implements BeforeApplicationShutdown {
  private readonly trouble = every(10_000);
  private readonly poller: Poller;

  constructor(redeliveries: BulkRedeliveries) {
    this.poller = new Poller(
      () => redeliveries.advance(),
      (error) => {
        this.trouble((suppressed) => {
          logger.warn({ err: error, suppressed }, 'redelivery.interrupted');
        });
      },
    );
  }

  @Interval(TICK_MS)
  tick(): void {
    this.poller.nudge();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.poller.stop();
  }
}
