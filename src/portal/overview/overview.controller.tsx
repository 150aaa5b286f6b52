import { Get, Query, Res } from '@nestjs/common';
import type { Response } from 'express';
import { DEMO } from '../../accounts/demo';
import { AccountOf } from '../../auth/visitor';
import { Receipts } from '../../dev-receiver/receipts.service';
import { Pages } from '../page/pages.service';
import { PortalController } from '../page/portal-controller';
import { rangeOf } from './chart-slots';
import { OverviewPage } from './overview.page';
import { Overviews } from './overview.service';

@PortalController()
export class OverviewController {
  constructor(
    private readonly pages: Pages,
    private readonly overviews: Overviews,
    private readonly receipts: Receipts,
  ) {}

  @Get()
  async show(@AccountOf() atsId: string, @Query('range') range: unknown, @Res() response: Response): Promise<void> {
    const overview = await this.overviews.of(atsId);
    const receipts = this.receipts.possible && atsId === DEMO.atsId ? this.receipts : null;
    await this.pages.show(response, <OverviewPage {...{ overview, receipts }} range={rangeOf(range)} />);
  }
}
