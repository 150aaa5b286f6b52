import type { VNode } from 'preact';
import type { FlowSummary } from '../../delivery-log/flow-search.service';
import { FLOW_STATUSES, type FlowStatus } from '../../delivery-log/flow-trace.service';
import { FilterField, Select } from '../deliveries/filter-field';
import { visible } from '../deliveries/verbatim';
import { Badge, Card, Pager, Time } from '../page/elements';
import { Page } from '../page/layout';
import { STATUS_WORDS } from './words';

/** What the page was asked for; empty where nothing was. */
export interface Asked {
  readonly reference: string;
  readonly entityId: string;
  readonly clientId: string;
  readonly status: FlowStatus | null;
  readonly before: string | null;
}

interface FlowsPageProps {
  readonly asked: Asked;
  readonly flows: readonly FlowSummary[];
  readonly next: string | null;
  /** Why the reference id led nowhere. */
  readonly fault: string | null;
}

export function FlowsPage({ asked, flows, next, fault }: FlowsPageProps): VNode {
  return (
    <Page
      title="Flow"
      lead="What became of a write, from the moment we accepted it until your endpoint took its result."
    >
      <Card title="Follow a reference id" lead="Every write is answered with one; an event id leads there too.">
        <ReferenceForm value={asked.reference} fault={fault} />
      </Card>
      <Card title="Latest writes">
        <SearchForm asked={asked} />
        {flows.length === 0 ? <Nothing asked={asked} more={next !== null} /> : <Flows flows={flows} />}
        <Pager
          label="Pages of writes"
          newest={asked.before === null ? null : url(asked, null)}
          older={next === null ? null : url(asked, next)}
          olderLabel={flows.length === 0 ? 'Look further back' : 'Older'}
        />
      </Card>
    </Page>
  );
}

function url({ entityId, clientId, status }: Asked, before: string | null): string {
  const all = { entity_id: entityId, client_id: clientId, status: status ?? '', before: before ?? '' };
  const query = new URLSearchParams(Object.entries(all).filter(([, value]) => value !== '')).toString();
  return `/portal/flows${query === '' ? '' : `?${query}`}`;
}

function ReferenceForm({ value, fault }: { value: string; fault: string | null }): VNode {
  return (
    <form method="get" action="/portal/flows" class="search" role="search" aria-label="By reference id">
      <label for="field-reference" class="visually-hidden">
        Reference id
      </label>
      <input
        id="field-reference"
        name="reference_id"
        value={value}
        placeholder="019db49a-860b-74cb-8199-635ca3ad7f59"
        autocomplete="off"
        spellcheck={false}
        aria-invalid={fault !== null}
        aria-describedby={fault === null ? undefined : 'reference-fault'}
      />
      <button class="button primary" type="submit">
        Follow
      </button>
      {fault !== null && (
        <p class="fault" id="reference-fault" role="alert">
          {fault}
        </p>
      )}
    </form>
  );
}

function SearchForm({ asked: { entityId, clientId, status } }: { asked: Asked }): VNode {
  return (
    <form method="get" action="/portal/flows" class="filters" role="search" aria-label="Search">
      <FilterField id="filter-entity" label="Entity id">
        <input id="filter-entity" name="entity_id" value={entityId} autocomplete="off" spellcheck={false} />
      </FilterField>
      <FilterField id="filter-client" label="Client id">
        <input id="filter-client" name="client_id" value={clientId} autocomplete="off" spellcheck={false} />
      </FilterField>
      <Select
        name="status"
        label="Status"
        any="Any"
        chosen={status}
        options={FLOW_STATUSES.map((name) => [name, STATUS_WORDS[name].label] as const)}
      />
      <button class="button" type="submit">
        Search
      </button>
    </form>
  );
}

function Nothing({ asked, more }: { asked: Asked; more: boolean }): VNode {
  const narrow = asked.entityId !== '' || asked.clientId !== '' || asked.status !== null;
  if (!narrow)
    return <p class="muted">{asked.before === null ? 'Nothing was written yet.' : 'There is nothing older.'}</p>;
  return (
    <p class="muted">
      {more ? 'Nothing that matches was found so far back.' : 'Nothing matches.'}{' '}
      <a href="/portal/flows">Show everything</a>
    </p>
  );
}

function Flows({ flows }: { flows: readonly FlowSummary[] }): VNode {
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">Accepted</th>
          <th scope="col">Event</th>
          <th scope="col">Entity</th>
          <th scope="col">Status</th>
          <th scope="col">
            <span class="visually-hidden">Flow</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {flows.map((flow) => (
          <Row key={flow.reference_id} flow={flow} />
        ))}
      </tbody>
    </table>
  );
}

function Row({ flow }: { flow: FlowSummary }): VNode {
  const { tone, label } = STATUS_WORDS[flow.status];
  return (
    <tr>
      <td data-label="Accepted">
        <Time at={Date.parse(flow.accepted_at)} />
      </td>
      <td data-label="Event" class="unbroken">
        <code>{flow.event}</code>
      </td>
      <td data-label="Entity">
        <span>
          {visible(flow.entity_id)}
          <span class="hint block">{visible(flow.client_id)}</span>
        </span>
      </td>
      <td data-label="Status">
        <span class="badges">
          <Badge tone={tone}>{label}</Badge>
          {flow.result === 'error' && <Badge tone="danger">Error</Badge>}
        </span>
      </td>
      <td data-label="" class="nowrap">
        <a href={`/portal/flows/${flow.reference_id}`}>
          Follow<span class="visually-hidden">{` the write of ${visible(flow.entity_id)}, ${flow.accepted_at}`}</span>
        </a>
      </td>
    </tr>
  );
}
