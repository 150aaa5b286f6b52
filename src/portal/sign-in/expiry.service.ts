import { Injectable } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { PortalLinks } from '../../accounts/portal-links.service';
import { PortalSessions } from '../../auth/portal-sessions.service';
import { logger } from '../../observability/logger';
import { Throttle } from '../throttle/throttle.service';

const EXPIRY_MS = 600_000;

/** Deletes what no longer counts; that it does not count is judged where it is used. */
@Injectable()
export class Expiry {
  constructor(
    private readonly sessions: PortalSessions,
    private readonly links: PortalLinks,
    private readonly throttle: Throttle,
  ) {}

  @Interval(EXPIRY_MS)
  async tick(): Promise<void> {
    try {
      await this.sessions.expire();
      await this.links.expire();
      await this.throttle.expire();
    } catch (error) {
      logger.warn({ err: error }, 'portal.not_expired');
    }
  }
}
