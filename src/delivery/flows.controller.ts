import { Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { readerColumns, type Caller } from '../accounts/credential';
import { Auth, CallerOf } from '../auth/caller';
import { FLOW_SCHEMA, FLOW_SUMMARY_SCHEMA } from '../delivery-log/flow-schema';
import { FlowSearch, type FlowFilter, type FlowSummary } from '../delivery-log/flow-search.service';
import { FLOW_STATUSES, FlowTraces, type FlowStatus, type FlowTrace } from '../delivery-log/flow-trace.service';
import { DomainError, invalid, type FieldFault } from '../errors';
import { readUuid } from '../events/uuid';
import { ACCEPTED, Documented, idInPath, PAGE, pageOf, REFERENCE_ID } from '../http/documented';
import { readLimit } from '../http/page';
import { VISIBLE_ID, VISIBLE_ID_RULE } from '../http/visible-id';
import type { Accepted202 } from '../inbox/rest-writes.service';
import { OutboxOperations } from '../outbox/outbox-operations.service';

/** A page may hold fewer flows than asked for, even none: it is the last one when `next_cursor` is null. */
interface FlowPage {
  readonly data: readonly FlowSummary[];
  readonly next_cursor: string | null;
}

const QUERY = {
  entity_id: idInPath('Only writes of this entity', 'candidate-123'),
  client_id: idInPath("Only writes to this client's workspace", 'your-client-id'),
  status: {
    description: 'Only flows that are there now',
    schema: { enum: FLOW_STATUSES },
    example: 'dead',
  },
  limit: PAGE.limit,
  cursor: { ...REFERENCE_ID, description: "An earlier page's `next_cursor`" },
};

/** Where a flow stands, for the account it belongs to. */
@Auth('api-key')
@Controller('v1/flows')
export class FlowsController {
  constructor(
    private readonly traces: FlowTraces,
    private readonly search: FlowSearch,
    private readonly operations: OutboxOperations,
  ) {}

  @Get()
  @Documented({
    id: 'listFlows',
    tag: 'Flows',
    summary: 'Find writes',
    description: 'Newest first. A page may hold fewer than asked for, even none, and still not be the last.',
    query: QUERY,
    answers: { 200: { description: 'A page of flows', shape: pageOf('FlowSummary', FLOW_SUMMARY_SCHEMA) } },
  })
  async list(@CallerOf() caller: Caller, @Query() query: Record<string, unknown>): Promise<FlowPage> {
    const { flows, next } = await this.search.find(readerColumns(caller), readFilter(query));
    return { data: flows, next_cursor: next };
  }

  @Get(':reference_id')
  @Documented({
    id: 'getFlow',
    tag: 'Flows',
    summary: 'Read how a write fared, from end to end',
    path: { reference_id: REFERENCE_ID },
    answers: { 200: { description: 'The flow and its timeline', shape: FLOW_SCHEMA } },
    refuses: [404],
  })
  async trace(@CallerOf() caller: Caller, @Param('reference_id') asked: string): Promise<FlowTrace> {
    const referenceId = readUuid(asked);
    const trace = referenceId === null ? null : await this.traces.find(referenceId, readerColumns(caller));
    if (trace === null) throw new DomainError('not_found', 'There is no such flow');
    return trace;
  }

  @Post(':reference_id/redeliver')
  @HttpCode(202)
  @Documented({
    id: 'redeliverFlow',
    tag: 'Flows',
    summary: 'Deliver a result again',
    description:
      'A result that is still to be delivered becomes due now; a settled one is delivered again, with the same ' +
      '`event_id` and body, behind what is pending of its entity. `409` until the write is processed.',
    path: { reference_id: REFERENCE_ID },
    answers: { 202: { ...ACCEPTED, description: 'It will be delivered' } },
    refuses: [404, 409],
  })
  async redeliver(@CallerOf() caller: Caller, @Param('reference_id') asked: string): Promise<Accepted202> {
    const reference_id = readUuid(asked);
    if (reference_id === null) throw new DomainError('not_found', 'There is no such flow, or it has expired');
    await this.operations.redeliver(reference_id, readerColumns(caller));
    return { reference_id };
  }
}

const PARAMETERS = ['entity_id', 'client_id', 'status', 'limit', 'cursor'];

/** @throws {DomainError} 422 naming each parameter that is wrong */
function readFilter(query: Record<string, unknown>): FlowFilter {
  const faults: FieldFault[] = [];
  const read = (name: string, fits: (text: string) => boolean, rule: string): string | undefined => {
    const value = query[name];
    if (value === undefined || (typeof value === 'string' && fits(value))) return value;
    faults.push({ field: name, message: rule });
    return undefined;
  };
  for (const name of Object.keys(query)) {
    if (!PARAMETERS.includes(name)) faults.push({ field: name, message: 'is not a known parameter' });
  }
  const isStatus = (text: string): boolean => (FLOW_STATUSES as readonly string[]).includes(text);
  const entityId = read('entity_id', (text) => VISIBLE_ID.test(text), VISIBLE_ID_RULE);
  const clientId = read('client_id', (text) => VISIBLE_ID.test(text), VISIBLE_ID_RULE);
  const status = read('status', isStatus, `must be one of ${FLOW_STATUSES.join(', ')}`);
  const before = read('cursor', (text) => readUuid(text) !== null, 'must be a next_cursor of an earlier page');
  const limit = readLimit(query, faults);
  if (faults.length > 0) throw invalid(faults);
  return {
    limit,
    ...(entityId !== undefined && { entityId }),
    ...(clientId !== undefined && { clientId }),
    ...(status !== undefined && { status: status as FlowStatus }),
    ...(before !== undefined && { before }),
  };
}
