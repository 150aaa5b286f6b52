import { Get, Res } from '@nestjs/common';
import type { Response } from 'express';
import { Accounts } from '../../accounts/accounts.service';
import { AccountOf } from '../../auth/visitor';
import { Clock } from '../../database/clock';
import { EndpointChecks } from '../endpoint/endpoint-checks.service';
import { endpointState } from '../endpoint/endpoint-state';
import { Pages } from '../page/pages.service';
import { PortalController } from '../page/portal-controller';
import { LastFailures } from './last-failure.service';
import { OverviewPage } from './overview.page';

@PortalController()
export class OverviewController {
  constructor(
    private readonly pages: Pages,
    private readonly accounts: Accounts,
    private readonly failures: LastFailures,
    private readonly checks: EndpointChecks,
    private readonly clock: Clock,
  ) {}

  @Get()
  async show(@AccountOf() atsId: string, @Res() response: Response): Promise<void> {
    const [{ endpoint }, failure] = await Promise.all([this.accounts.find(atsId), this.failures.find(atsId)]);
    const check = await this.checks.find(atsId, endpoint.url);
    const state = endpointState(endpoint, check, this.clock.now());
    await this.pages.show(response, <OverviewPage {...{ state, check, failure }} url={endpoint.url} />);
  }
}
