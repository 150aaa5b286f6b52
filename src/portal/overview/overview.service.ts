import { Injectable } from '@nestjs/common';
import { Accounts } from '../../accounts/accounts.service';
import { Clock } from '../../database/clock';
import { DeliveryFigures, type FailedAttempt, type Figures } from '../../delivery-log/delivery-figures.service';
import { OutboxWaiting, type Waiting } from '../../outbox/outbox-waiting.service';
import { EndpointChecks, type EndpointCheck } from '../endpoint/endpoint-checks.service';
import { endpointState, type EndpointState } from '../endpoint/endpoint-state';
import { weekBefore } from './chart-slots';

/** What an account's people see first. */
export interface Overview {
  readonly now: number;
  readonly url: string | null;
  readonly check: EndpointCheck | null;
  readonly state: EndpointState;
  readonly figures: Figures;
  readonly waiting: Waiting;
  readonly failure: FailedAttempt | null;
}

@Injectable()
export class Overviews {
  constructor(
    private readonly accounts: Accounts,
    private readonly checks: EndpointChecks,
    private readonly deliveries: DeliveryFigures,
    private readonly outbox: OutboxWaiting,
    private readonly clock: Clock,
  ) {}

  async of(atsId: string): Promise<Overview> {
    const now = this.clock.now();
    const [{ endpoint }, figures, waiting] = await Promise.all([
      this.accounts.find(atsId),
      this.deliveries.since(atsId, weekBefore(now)),
      this.outbox.of(atsId),
    ]);
    const { url } = endpoint;
    const [check, failure] = await Promise.all([
      this.checks.find(atsId, url),
      figures.lastFailureId === null ? null : this.deliveries.failure(atsId, figures.lastFailureId),
    ]);
    return { now, url, check, state: endpointState(endpoint, check, now), figures, waiting, failure };
  }
}
