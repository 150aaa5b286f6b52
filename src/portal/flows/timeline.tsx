import type { ComponentChildren, VNode } from 'preact';
import type { FlowLook, TimelineEntry } from '../../delivery-log/flow-trace.service';
import { inWords, OUTCOME_TONES } from '../deliveries/words';
import { plainWords } from '../endpoint/plain-words';
import { Time, type Tone } from '../page/elements';
import { SOURCE_WORDS } from './words';

type AttemptEntry = Extract<TimelineEntry, { stage: 'attempt' }>;

interface TimelineProps {
  readonly look: FlowLook;
  /** The webhooks by which it came in. */
  readonly incomingIds: readonly string[];
}

/** What happened to a flow, oldest first. */
export function Timeline({ look: { trace, attempts }, incomingIds }: TimelineProps): VNode {
  let attempt = 0;
  return (
    <ol class="timeline">
      {trace.timeline.map((entry, index) => {
        switch (entry.stage) {
          case 'accepted':
            return (
              <Entry key={index} at={entry.at} tone="neutral" title={`Accepted ${SOURCE_WORDS[trace.source]}`}>
                <Incoming ids={incomingIds} />
              </Entry>
            );
          case 'processed':
            return (
              <Entry
                key={index}
                at={entry.at}
                tone={entry.status === 'success' ? 'success' : 'danger'}
                title={entry.status === 'success' ? 'Processed' : 'Processed: it came to an error'}
              />
            );
          case 'attempt':
            return <Attempt key={index} entry={entry} made={attempts[attempt++]} />;
          case 'delivered':
            return <Entry key={index} at={entry.at} tone="success" title="Delivered" />;
          case 'dead':
            return <Entry key={index} at={entry.at} tone="danger" title="Given up" />;
          case 'discarded':
            return <Entry key={index} at={entry.at} tone="neutral" title="Discarded by an operator" />;
        }
      })}
    </ol>
  );
}

function Attempt({ entry, made }: { entry: AttemptEntry; made: FlowLook['attempts'][number] | undefined }): VNode {
  const { number, outcome, status_code: statusCode, duration_ms, next_attempt_at: next } = entry;
  return (
    <Entry at={entry.at} tone={OUTCOME_TONES[outcome]} title={`Attempt ${number}`}>
      <p>
        {plainWords(statusCode, made?.fault ?? null)} It took {inWords(duration_ms)}.
      </p>
      {next !== null && (
        <p class="hint">
          Next attempt not before <Time at={Date.parse(next)} />
        </p>
      )}
      {made !== undefined && (
        <a href={`/portal/deliveries/${made.id}`}>
          Details<span class="visually-hidden">{` of attempt ${number}, ${entry.at}`}</span>
        </a>
      )}
    </Entry>
  );
}

function Incoming({ ids }: { ids: readonly string[] }): VNode | null {
  if (ids.length === 0) return null;
  return (
    <p class="links">
      {ids.map((id, index) => (
        <a key={id} href={`/portal/deliveries/${id}`}>
          {index === 0 ? 'The webhook' : `Repeated (${index})`}
        </a>
      ))}
    </p>
  );
}

interface EntryProps {
  readonly at: string;
  readonly tone: Tone;
  readonly title: string;
  readonly children?: ComponentChildren;
}

function Entry({ at, tone, title, children }: EntryProps): VNode {
  return (
    <li class={`event ${tone}-dot`}>
      <p class="event-head">
        <strong>{title}</strong> <Time at={Date.parse(at)} />
      </p>
      {children}
    </li>
  );
}
