import type { VNode } from 'preact';
import type { BulkRedelivery } from '../../outbox/bulk-redeliveries.service';
import { plainWords } from '../endpoint/plain-words';
import { RedeliverForm } from './redeliver-form';
import { Card, Pager, Time } from '../page/elements';
import { Page } from '../page/layout';
import { useScene } from '../page/scene';
import { COUNTED, type DeadCounts, type DeadMessage } from './dead-messages.service';
import { FilterField } from './filter-field';
import { RunningNotice } from './running-notice';
import { Views } from './views';
import { visible } from './verbatim';

interface DeadPageProps {
  readonly messages: readonly DeadMessage[];
  readonly older: string | null;
  readonly newest: boolean;
  readonly counts: DeadCounts;
  readonly running: BulkRedelivery | null;
}

export function DeadPage({ messages, older, newest, counts, running }: DeadPageProps): VNode {
  const { visitor } = useScene();
  return (
    <Page
      title="Given up"
      lead="Results that your endpoint did not take at any attempt. They are kept for 30 days and can be delivered again."
    >
      <Views />
      {running !== null && <RunningNotice running={running} />}
      {counts.all > 0 && running === null && visitor?.role === 'admin' && <BulkCard counts={counts} />}
      <section class="card">
        {messages.length === 0 ? (
          <p class="muted">
            {newest ? 'Nothing is given up: every result was delivered, or is on its way.' : 'There is nothing older.'}
          </p>
        ) : (
          <>
            <p class="muted">{`${inWords(counts.all)} given up; what was written last comes first.`}</p>
            <Messages messages={messages} />
          </>
        )}
        <Pager
          label="Pages of what was given up"
          newest={newest ? null : '/portal/deliveries/dead'}
          older={older === null ? null : `/portal/deliveries/dead?before=${older}`}
        />
      </section>
    </Page>
  );
}

function inWords(count: number): string {
  return count === 1 ? 'One result' : `${count >= COUNTED ? `${COUNTED} or more` : count} results`;
}

function BulkCard({ counts }: { counts: DeadCounts }): VNode {
  const choices = [
    ['all', 'everything', counts.all],
    ['hour', 'what was given up in the last hour', counts.hour],
    ['day', 'in the last 24 hours', counts.day],
    ['week', 'in the last 7 days', counts.week],
  ] as const;
  return (
    <Card
      title="Redeliver in bulk"
      lead="Once your endpoint is well again. You see how many they are before anything is sent."
    >
      <form method="get" action="/portal/deliveries/dead/redeliver" class="filters">
        <FilterField id="filter-age" label="Redeliver">
          <select id="filter-age" name="age">
            {choices.map(([value, label, count]) => (
              <option key={value} value={value}>{`${label} (${count >= COUNTED ? `${COUNTED}+` : count})`}</option>
            ))}
          </select>
        </FilterField>
        <FilterField id="filter-from" label="or given up since (UTC)">
          <input id="filter-from" type="datetime-local" name="from" />
        </FilterField>
        <button class="button" type="submit">
          Continue…
        </button>
      </form>
    </Card>
  );
}

function Messages({ messages }: Pick<DeadPageProps, 'messages'>): VNode {
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">Given up</th>
          <th scope="col">Event</th>
          <th scope="col">Last attempt</th>
          <th scope="col">Attempts</th>
          <th scope="col">
            <span class="visually-hidden">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {messages.map((message) => (
          <Row key={message.referenceId} message={message} />
        ))}
      </tbody>
    </table>
  );
}

function Row({ message }: { message: DeadMessage }): VNode {
  const { referenceId, diedAt, failures, event, entityId, statusCode, fault, traced } = message;
  const what = visible(`${event ?? 'result'}${entityId === null ? '' : ` of ${entityId}`}`);
  return (
    <tr>
      <td data-label="Given up">
        <Time at={diedAt} />
      </td>
      <td data-label="Event" class="unbroken">
        <span>
          <code>{visible(event ?? 'unknown')}</code>
          {entityId !== null && <span class="hint block">{visible(entityId)}</span>}
        </span>
      </td>
      <td data-label="Last attempt">
        {statusCode === null && fault === null ? (
          <span class="muted">no longer kept</span>
        ) : (
          plainWords(statusCode, fault)
        )}
      </td>
      <td data-label="Attempts">{failures}</td>
      <td data-label="" class="nowrap">
        <span class="row-actions">
          {traced && (
            <a href={`/portal/flows/${referenceId}`}>
              Flow<span class="visually-hidden">{` of ${what}`}</span>
            </a>
          )}
          <RedeliverForm referenceId={referenceId} of={what} small toDead />
        </span>
      </td>
    </tr>
  );
}
