import { Controller, Get, HttpCode, Param, Post } from '@nestjs/common';
import { readerColumns, type Caller } from '../accounts/credential';
import { Auth, CallerOf } from '../auth/caller';
import { FlowTraces, type FlowTrace } from '../delivery-log/flow-trace.service';
import { DomainError } from '../errors';
import type { Accepted202 } from '../inbox/rest-writes.service';
import { OutboxOperations } from '../outbox/outbox-operations.service';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Where a flow stands, for the account it belongs to. */
@Auth('api-key')
@Controller('v1/flows')
export class FlowsController {
  constructor(
    private readonly traces: FlowTraces,
    private readonly operations: OutboxOperations,
  ) {}

  @Get(':reference_id')
  async trace(@CallerOf() caller: Caller, @Param('reference_id') referenceId: string): Promise<FlowTrace> {
    const trace = UUID.test(referenceId)
      ? await this.traces.find(referenceId.toLowerCase(), readerColumns(caller))
      : null;
    if (trace === null) throw new DomainError('not_found', 'There is no such flow');
    return trace;
  }

  @Post(':reference_id/redeliver')
  @HttpCode(202)
  async redeliver(@CallerOf() caller: Caller, @Param('reference_id') referenceId: string): Promise<Accepted202> {
    if (!UUID.test(referenceId)) throw new DomainError('not_found', 'There is no such flow, or it has expired');
    const reference_id = referenceId.toLowerCase();
    await this.operations.redeliver(reference_id, readerColumns(caller));
    return { reference_id };
  }
}
