import { Controller, Get } from '@nestjs/common';
import { Auth } from '../auth/caller';
import { Database, statement } from '../database/database';
import { unavailable } from '../errors';
import { Readiness } from './readiness';

const PING = statement('health_ping', 'select 1');
const PING_DEADLINE_MS = 2000;

@Auth('none')
@Controller('health')
export class HealthController {
  constructor(
    private readonly database: Database,
    private readonly readiness: Readiness,
  ) {}

  /** The process runs and answers. */
  @Get('live')
  live(): object {
    return { status: 'ok' };
  }

  /** It may be sent work: started, not stopping, and its database answers. */
  @Get('ready')
  async ready(): Promise<object> {
    if (!this.readiness.ready) throw unavailable();
    await this.database.query(PING, [], PING_DEADLINE_MS);
    return { status: 'ok' };
  }
}
