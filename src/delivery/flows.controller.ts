import { Controller, Get, Param } from '@nestjs/common';
import { readerColumns, type Caller } from '../accounts/credential';
import { Auth, CallerOf } from '../auth/caller';
import { FlowTraces, type FlowTrace } from '../delivery-log/flow-trace.service';
import { DomainError } from '../errors';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Where a flow stands, for the account it belongs to. */
@Auth('api-key')
@Controller('v1/flows')
export class FlowsController {
  constructor(private readonly traces: FlowTraces) {}

  @Get(':reference_id')
  async trace(@CallerOf() caller: Caller, @Param('reference_id') referenceId: string): Promise<FlowTrace> {
    const trace = UUID.test(referenceId)
      ? await this.traces.find(referenceId.toLowerCase(), readerColumns(caller))
      : null;
    if (trace === null) throw new DomainError('not_found', 'There is no such flow');
    return trace;
  }
}
