import { Get, Query, Res } from '@nestjs/common';
import type { Response } from 'express';
import { AccountOf } from '../../auth/visitor';
import { Pages } from '../page/pages.service';
import { PortalController } from '../page/portal-controller';
import { AuditLogPage } from './audit-log.page';
import { AuditLog } from './audit-log.service';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

@PortalController('audit-log')
export class AuditLogController {
  constructor(
    private readonly pages: Pages,
    private readonly log: AuditLog,
  ) {}

  @Get()
  async show(@AccountOf() atsId: string, @Query('before') asked: unknown, @Res() response: Response): Promise<void> {
    const before = typeof asked === 'string' && UUID.test(asked) ? asked : null;
    const { lines, older } = await this.log.list(atsId, before);
    await this.pages.show(response, <AuditLogPage lines={lines} older={older} newest={before === null} />);
  }
}
