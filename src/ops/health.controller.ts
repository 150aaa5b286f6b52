import { Controller, Get } from '@nestjs/common';
import { Auth } from '../auth/caller';
import { Database, statement } from '../database/database';
import { unavailable } from '../errors';
import { Documented, type AnswerDocs } from '../http/documented';
import { Readiness } from './readiness';

const PING = statement('health_ping', 'select 1');
const PING_DEADLINE_MS = 2000;

const OK: AnswerDocs = {
  description: 'It is so',
  shape: {
    title: 'Health',
    type: 'object',
    required: ['status'],
    properties: { status: { const: 'ok', description: 'Always this; a fault is another status code' } },
  },
};

@Auth('none')
@Controller('health')
export class HealthController {
  constructor(
    private readonly database: Database,
    private readonly readiness: Readiness,
  ) {}

  /** The process runs and answers. */
  @Get('live')
  @Documented({ id: 'getLiveness', tag: 'Operations', summary: 'Whether the process runs', answers: { 200: OK } })
  live(): object {
    return { status: 'ok' };
  }

  /** It may be sent work: started, not stopping, and its database answers. */
  @Get('ready')
  @Documented({
    id: 'getReadiness',
    tag: 'Operations',
    summary: 'Whether it may be sent work',
    answers: { 200: OK },
    refuses: [503],
  })
  async ready(): Promise<object> {
    if (!this.readiness.ready) throw unavailable();
    await this.database.query(PING, [], PING_DEADLINE_MS);
    return { status: 'ok' };
  }
}
