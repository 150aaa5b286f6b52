import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { logger } from '../observability/logger';
import { Clock } from './clock';
import { Partitions } from './partitions';

const CLOCK_MS = 30_000;
const PARTITIONS_MS = 3_600_000;

/** Keeps this process's clock and the days ahead in order; both are there before anything is accepted. */
@Injectable()
export class Upkeep implements OnModuleInit {
  constructor(
    private readonly clock: Clock,
    private readonly partitions: Partitions,
  ) {}

  async onModuleInit(): Promise<void> {
    await this.clock.synchronise();
    await this.partitions.ensure();
  }

  @Interval(CLOCK_MS)
  async synchroniseClock(): Promise<void> {
    await this.clock.synchronise().catch((error: unknown) => {
      logger.warn({ err: error }, 'clock.not_synchronised');
    });
  }

  @Interval(PARTITIONS_MS)
  async ensurePartitions(): Promise<void> {
    await this.partitions.ensure().catch((error: unknown) => {
      logger.error({ err: error }, 'partitions.not_ensured');
    });
  }
}
