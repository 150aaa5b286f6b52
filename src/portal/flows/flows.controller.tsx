import { Get, Param, Post, Query, Res } from '@nestjs/common';
import type { Response } from 'express';
import { signedInColumns } from '../../accounts/credential';
import { AccountOf, VisitorOf, type Visitor } from '../../auth/visitor';
import { FlowSearch, type FlowFilter } from '../../delivery-log/flow-search.service';
import { FLOW_STATUSES, FlowTraces } from '../../delivery-log/flow-trace.service';
import { DomainError } from '../../errors';
import { VISIBLE_ID } from '../../http/visible-id';
import { OutboxOperations } from '../../outbox/outbox-operations.service';
import { readUuid } from '../../events/uuid';
import { Pages } from '../page/pages.service';
import { Form, PortalController } from '../page/portal-controller';
import { FlowContentsReader } from './flow-contents.service';
import { FlowPage } from './flow.page';
import { FlowsPage, type Asked } from './flows.page';
import { readReference } from './reference';

const PAGE = 20;
/** Once, after a redelivery: what came of it shows by itself. */
const REFRESH_SECONDS = '2';
const UNKNOWN = 'There is no flow with this reference id. They are kept for a few days only.';

@PortalController('flows')
export class PortalFlowsController {
  constructor(
    private readonly pages: Pages,
    private readonly traces: FlowTraces,
    private readonly search: FlowSearch,
    private readonly contents: FlowContentsReader,
    private readonly operations: OutboxOperations,
  ) {}

  /** A reference id leads to its flow; below it, flows are found by what they are about. */
  @Get()
  async find(
    @AccountOf() atsId: string,
    @Query() query: Record<string, unknown>,
    @Res() response: Response,
  ): Promise<void> {
    const asked = readAsked(query);
    let fault: { status: number; message: string } | null = null;
    if (asked.reference !== '') {
      const referenceId = readReference(asked.reference);
      if (referenceId !== null && (await this.traces.find(referenceId, signedInColumns(atsId))) !== null) {
        return this.pages.redirect(response, `/portal/flows/${referenceId}`);
      }
      fault =
        referenceId === null
          ? { status: 422, message: 'This is no reference id: it looks like 019db49a-860b-74cb-8199-635ca3ad7f59.' }
          : { status: 404, message: UNKNOWN };
    }
    const page = await this.list(atsId, asked);
    await this.pages.show(
      response,
      <FlowsPage {...page} asked={asked} fault={fault?.message ?? null} />,
      fault?.status ?? 200,
    );
  }

  @Get(':reference_id')
  async show(
    @VisitorOf() visitor: Visitor,
    @AccountOf() atsId: string,
    @Param('reference_id') asked: string,
    @Res() response: Response,
  ): Promise<void> {
    const referenceId = readUuid(asked);
    const look = referenceId === null ? null : await this.traces.look(referenceId, signedInColumns(atsId));
    const contents = look === null ? null : await this.contents.find(atsId, look.trace.reference_id);
    if (look === null || contents === null) throw new DomainError('not_found', UNKNOWN);
    if (visitor.flash === 'flow.redelivered') response.setHeader('Refresh', REFRESH_SECONDS);
    await this.pages.show(response, <FlowPage look={look} contents={contents} />);
  }

  @Post(':reference_id/redeliver')
  async redeliver(
    @VisitorOf() visitor: Visitor,
    @AccountOf() atsId: string,
    @Param('reference_id') asked: string,
    @Form() form: URLSearchParams,
    @Res() response: Response,
  ): Promise<void> {
    const referenceId = readUuid(asked);
    if (referenceId === null) throw new DomainError('not_found', UNKNOWN);
    await this.operations.redeliver(referenceId, signedInColumns(atsId), visitor.email);
    const back = form.get('back') === 'dead' ? '/portal/deliveries/dead' : `/portal/flows/${referenceId}`;
    await this.pages.redirect(response, back, 'flow.redelivered');
  }

  private async list(atsId: string, { entityId, clientId, status, before }: Asked) {
    // No flow has an id that could not have been accepted.
    if ([entityId, clientId].some((id) => id !== '' && !VISIBLE_ID.test(id))) return { flows: [], next: null };
    const filter: FlowFilter = {
      limit: PAGE,
      ...(entityId !== '' && { entityId }),
      ...(clientId !== '' && { clientId }),
      ...(status !== null && { status }),
      ...(before !== null && { before }),
    };
    return this.search.find(signedInColumns(atsId), filter);
  }
}

function readAsked(query: Record<string, unknown>): Asked {
  const text = (name: string): string => {
    const value = query[name];
    return typeof value === 'string' ? value.slice(0, 300) : '';
  };
  return {
    reference: text('reference_id'),
    entityId: text('entity_id').trim(),
    clientId: text('client_id').trim(),
    status: FLOW_STATUSES.find((status) => status === query.status) ?? null,
    before: readUuid(query.before),
  };
}
