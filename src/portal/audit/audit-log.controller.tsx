import { Get, Query, Res } from '@nestjs/common';
import type { Response } from 'express';
import { AccountOf } from '../../auth/visitor';
import { readUuid } from '../../events/uuid';
import { Pages } from '../page/pages.service';
import { PortalController } from '../page/portal-controller';
import { AuditLogPage } from './audit-log.page';
import { AuditLog } from './audit-log.service';

@PortalController('audit-log')
export class AuditLogController {
  constructor(
    private readonly pages: Pages,
    private readonly log: AuditLog,
  ) {}

  @Get()
  async show(@AccountOf() atsId: string, @Query('before') asked: unknown, @Res() response: Response): Promise<void> {
    const before = readUuid(asked);
    const { lines, older } = await this.log.list(atsId, before);
    await this.pages.show(response, <AuditLogPage lines={lines} older={older} newest={before === null} />);
  }
}
