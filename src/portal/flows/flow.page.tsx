import type { VNode } from 'preact';
import type { FlowLook } from '../../delivery-log/flow-trace.service';
import { eventId } from '../../events/outbound';
import { Verbatim, visible } from '../deliveries/verbatim';
import { Badge, Card, Copyable, Facts, Time } from '../page/elements';
import { Page } from '../page/layout';
import type { FlowContents } from './flow-contents.service';
import { RedeliverForm } from '../deliveries/redeliver-form';
import { Timeline } from './timeline';
import { STATUS_WORDS } from './words';

interface FlowPageProps {
  readonly look: FlowLook;
  readonly contents: FlowContents;
}

export function FlowPage({ look, contents }: FlowPageProps): VNode {
  const { trace, entityId } = look;
  const { tone, label, sentence } = STATUS_WORDS[trace.status];
  const error = errorOf(contents.result);
  const next = waitsFor(look);
  return (
    <Page
      title="Flow"
      lead={
        <>
          <code>{trace.event}</code> of {visible(entityId)}
        </>
      }
      actions={trace.result !== null && <RedeliverForm referenceId={trace.reference_id} />}
    >
      <Card
        title="Where it stands"
        lead={next === null ? sentence : 'Your endpoint did not take the result yet; it is tried again.'}
        aside={<Badge tone={tone}>{label}</Badge>}
      >
        <Facts
          of={[
            ['Result', resultOf(trace.result, error)],
            ['Next attempt', next === null ? null : <Time at={Date.parse(next)} />],
            ['Reference id', <Copyable id="reference-id" value={trace.reference_id} label="reference id" />],
          ]}
        />
      </Card>
      <Card title="Timeline">
        <Timeline look={look} incomingIds={contents.incomingIds} />
      </Card>
      <Card title="Contents">
        <Verbatim title="What you wrote" text={contents.payload} />
        {contents.result !== null && <Verbatim title="The result that is delivered" text={contents.result} />}
      </Card>
      <Card title="What it is about">
        <Facts
          of={[
            ['Entity id', <Copyable id="entity-id" value={visible(entityId)} label="entity id" />],
            ['Client id', <Copyable id="client-id" value={visible(trace.client_id)} label="client id" />],
            ['User id', contents.userId === null ? null : <code>{visible(contents.userId)}</code>],
            ['Event id', <Copyable id="event-id" value={eventId(trace.reference_id)} label="event id" />],
          ]}
        />
      </Card>
      <p>
        <a href="/portal/flows">Follow another one</a>
      </p>
    </Page>
  );
}

function resultOf(result: 'success' | 'error' | null, error: string | null): VNode | string {
  if (result === null) return <span class="muted">not processed yet</span>;
  return result === 'success' ? 'Success' : `Error${error === null ? '' : `: ${visible(error)}`}`;
}

/** The result is our own JSON. */
function errorOf(result: string | null): string | null {
  if (result === null) return null;
  const { error } = JSON.parse(result) as { error?: { code: string; message: string } | null };
  return error == null ? null : `${error.message} (${error.code})`;
}

/** When its next attempt is due; null where none is planned. */
function waitsFor({ trace }: FlowLook): string | null {
  if (trace.status !== 'processed') return null;
  const last = trace.timeline.findLast((entry) => entry.stage === 'attempt');
  return last?.stage === 'attempt' ? last.next_attempt_at : null;
}
