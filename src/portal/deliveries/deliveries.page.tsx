import type { VNode } from 'preact';
import { uuidTime } from '../../database/clock';
import type { BulkRedelivery } from '../../outbox/bulk-redeliveries.service';
import { Badge, Pager, Time } from '../page/elements';
import { Page } from '../page/layout';
import type { Attempt, AttemptPage } from './attempts.service';
import { EVENTS, isNarrow, listUrl, type Filter } from './filter';
import { RunningNotice } from './running-notice';
import { Select } from './filter-field';
import { Views } from './views';
import { visible } from './verbatim';
import { DIRECTION_WORDS, inWords, OUTCOME_TONES, OUTCOME_WORDS, whatHappened } from './words';

interface DeliveriesPageProps {
  readonly page: AttemptPage;
  readonly filter: Filter;
  readonly newest: boolean;
  readonly running: BulkRedelivery | null;
}

export function DeliveriesPage({ page, filter, newest, running }: DeliveriesPageProps): VNode {
  const { attempts, older } = page;
  return (
    <Page
      title="Webhook Deliveries"
      lead="Every attempt in both directions, newest first: what we sent to your endpoint, and the webhooks that you sent to us."
    >
      <Views />
      {running !== null && <RunningNotice running={running} />}
      <section class="card">
        <FilterForm filter={filter} />
        {attempts.length === 0 ? <Nothing {...{ page, filter, newest }} /> : <Attempts attempts={attempts} />}
        <Pager
          label="Pages of the log"
          newest={newest ? null : listUrl(filter, null)}
          older={older === null ? null : listUrl(filter, older)}
          olderLabel={attempts.length === 0 ? 'Look further back' : 'Older'}
        />
      </section>
    </Page>
  );
}

function FilterForm({ filter: { direction, outcome, event } }: { filter: Filter }): VNode {
  return (
    <form method="get" action="/portal/deliveries" class="filters" role="search" aria-label="Filter">
      <Select
        name="direction"
        label="Direction"
        any="Both"
        chosen={direction}
        options={[
          ['outgoing', 'Outgoing, to you'],
          ['incoming', 'Incoming, from you'],
        ]}
      />
      <Select name="outcome" label="Outcome" any="Any" chosen={outcome} options={Object.entries(OUTCOME_WORDS)} />
      <Select
        name="event"
        label="Event"
        any="Any"
        chosen={event}
        options={EVENTS.map((name) => [name, name] as const)}
      />
      <button class="button" type="submit">
        Filter
      </button>
    </form>
  );
}

/** Why there is nothing to be seen, and what to do about it. */
function Nothing({ page, filter, newest }: Omit<DeliveriesPageProps, 'running'>): VNode {
  if (!isNarrow(filter)) {
    return <p class="muted">{newest ? 'Nothing was sent or received yet.' : 'There is nothing older.'}</p>;
  }
  return (
    <p class="muted">
      Nothing matches these filters
      {page.older !== null && page.lookedBackTo !== null && (
        <>
          {' '}
          since <Time at={page.lookedBackTo} />
        </>
      )}
      . <a href="/portal/deliveries">Show everything</a>
    </p>
  );
}

function Attempts({ attempts }: { attempts: readonly Attempt[] }): VNode {
  return (
    <table>
      <thead>
        <tr>
          {['When', 'Direction', 'Event', 'Outcome', 'Took', 'Attempt', 'Details'].map((name) => (
            <th key={name} scope="col">
              {name === 'Details' ? <span class="visually-hidden">{name}</span> : name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {attempts.map((attempt) => (
          <Row key={attempt.id} attempt={attempt} />
        ))}
      </tbody>
    </table>
  );
}

function Row({ attempt }: { attempt: Attempt }): VNode {
  const { id, direction, event, outcome, durationMs, number, test } = attempt;
  return (
    <tr>
      <td data-label="When">
        <Time at={uuidTime(id)} />
      </td>
      <td data-label="Direction" class="nowrap">
        {DIRECTION_WORDS[direction]}
      </td>
      <td data-label="Event" class="unbroken">
        <span>
          {event === null ? <span class="muted">unknown</span> : <code>{visible(event)}</code>}{' '}
          {test && <Badge tone="neutral">Test</Badge>}
        </span>
      </td>
      <td data-label="Outcome">
        <span>
          <Badge tone={OUTCOME_TONES[outcome]}>{OUTCOME_WORDS[outcome]}</Badge>
          {outcome !== 'success' && <span class="hint block">{visible(whatHappened(attempt))}</span>}
        </span>
      </td>
      <td data-label="Took" class="nowrap took">
        {inWords(durationMs)}
      </td>
      <td data-label="Attempt">{number}</td>
      <td data-label="" class="nowrap">
        <a href={`/portal/deliveries/${id}`}>
          Details
          <span class="visually-hidden">
            {' '}
            of {event === null ? 'the delivery' : visible(event)}, {new Date(uuidTime(id)).toISOString()}
          </span>
        </a>
      </td>
    </tr>
  );
}
