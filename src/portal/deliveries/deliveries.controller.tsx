import { Get, Param, Query, Res } from '@nestjs/common';
import type { Response } from 'express';
import { AccountOf } from '../../auth/visitor';
import { DomainError } from '../../errors';
import { BulkRedeliveries } from '../../outbox/bulk-redeliveries.service';
import { Pages } from '../page/pages.service';
import { PortalController } from '../page/portal-controller';
import { AttemptDetails } from './attempt-detail.service';
import { PortalAttempts } from './attempts.service';
import { DeliveriesPage } from './deliveries.page';
import { DeliveryPage } from './delivery.page';
import { readFilter } from './filter';
import { readUuid } from '../../events/uuid';

@PortalController('deliveries')
export class DeliveriesController {
  constructor(
    private readonly pages: Pages,
    private readonly attempts: PortalAttempts,
    private readonly details: AttemptDetails,
    private readonly redeliveries: BulkRedeliveries,
  ) {}

  @Get()
  async list(
    @AccountOf() atsId: string,
    @Query() query: Record<string, unknown>,
    @Res() response: Response,
  ): Promise<void> {
    const filter = readFilter(query);
    const before = readUuid(query.before);
    const [page, running] = await Promise.all([
      this.attempts.list(atsId, filter, before),
      this.redeliveries.running(atsId),
    ]);
    await this.pages.show(
      response,
      <DeliveriesPage page={page} filter={filter} newest={before === null} running={running} />,
    );
  }

  @Get(':id')
  async show(@AccountOf() atsId: string, @Param('id') asked: string, @Res() response: Response): Promise<void> {
    const id = readUuid(asked);
    const attempt = id === null ? null : await this.details.find(atsId, id);
    if (attempt === null) {
      throw new DomainError('not_found', 'There is no such delivery. They are kept for a few days only.');
    }
    await this.pages.show(response, <DeliveryPage attempt={attempt} />);
  }
}
