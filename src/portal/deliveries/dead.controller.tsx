import { Get, Param, Post, Query, Res } from '@nestjs/common';
import type { Response } from 'express';
import { AccountOf, Role, VisitorOf, type Visitor } from '../../auth/visitor';
import { Clock } from '../../database/clock';
import { DomainError } from '../../errors';
import { BulkRedeliveries } from '../../outbox/bulk-redeliveries.service';
import { Pages } from '../page/pages.service';
import { Form, PortalController } from '../page/portal-controller';
import { ConfirmationPage } from './confirmation.page';
import { DeadMessages } from './dead-messages.service';
import { DeadPage } from './dead.page';
import { ProgressPage } from './progress.page';
import { readIso, readSince } from './since';
import { readUuid } from '../../events/uuid';

/** While it runs the page comes anew by itself, also where no script runs. */
const REFRESH_SECONDS = '2';

@PortalController('deliveries/dead')
export class DeadController {
  constructor(
    private readonly pages: Pages,
    private readonly dead: DeadMessages,
    private readonly redeliveries: BulkRedeliveries,
    private readonly clock: Clock,
  ) {}

  @Get()
  async list(@AccountOf() atsId: string, @Query('before') asked: unknown, @Res() response: Response): Promise<void> {
    const before = readUuid(asked);
    const [{ messages, older }, counts, running] = await Promise.all([
      this.dead.list(atsId, before),
      this.dead.counts(atsId),
      this.redeliveries.running(atsId),
    ]);
    await this.pages.show(response, <DeadPage newest={before === null} {...{ messages, older, counts, running }} />);
  }

  @Get('redeliver')
  @Role('admin')
  async confirm(
    @AccountOf() atsId: string,
    @Query() query: Record<string, unknown>,
    @Res() response: Response,
  ): Promise<void> {
    const since = readSince(query.age, query.from, this.clock.now());
    if (since === null) throw noTime();
    const count = await this.redeliveries.count(atsId, since);
    await this.pages.show(response, <ConfirmationPage since={since} count={count} />);
  }

  @Post('redeliver')
  async start(
    @VisitorOf() visitor: Visitor,
    @AccountOf() atsId: string,
    @Form() form: URLSearchParams,
    @Res() response: Response,
  ): Promise<void> {
    const since = readIso(form.get('since'));
    if (since === null) throw noTime();
    const id = await this.redeliveries.start(atsId, since, visitor.email);
    await this.pages.redirect(response, `/portal/deliveries/dead/redeliveries/${id}`);
  }

  @Get('redeliveries/:id')
  async progress(@AccountOf() atsId: string, @Param('id') asked: string, @Res() response: Response): Promise<void> {
    const id = readUuid(asked);
    const redelivery = id === null ? null : await this.redeliveries.find(atsId, id);
    if (redelivery === null) throw new DomainError('not_found', 'There is no such redelivery.');
    if (redelivery.finishedAt === null) response.setHeader('Refresh', REFRESH_SECONDS);
    await this.pages.show(response, <ProgressPage redelivery={redelivery} />);
  }
}

function noTime(): DomainError {
  return new DomainError('invalid', 'Go back, and choose since when: for example 2026-02-25 10:30, in UTC.');
}
