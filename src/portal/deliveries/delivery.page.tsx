import type { VNode } from 'preact';
import { uuidTime } from '../../database/clock';
import { eventId } from '../../events/outbound';
import { RedeliverForm } from './redeliver-form';
import { Badge, Card, Copyable, Facts, Time } from '../page/elements';
import { Page } from '../page/layout';
import type { AttemptDetail, Headers } from './attempt-detail.service';
import { Verbatim, visible } from './verbatim';
import { DIRECTION_WORDS, inWords, OUTCOME_TONES, OUTCOME_WORDS, whatHappened } from './words';

/** So much of an answer is read. */
const KEPT_BYTES = 64 * 1024;

export function DeliveryPage({ attempt }: { attempt: AttemptDetail }): VNode {
  const { direction, referenceId, test } = attempt;
  const outgoing = direction === 'outgoing';
  const flow = test ? null : referenceId;
  return (
    <Page
      title="Delivery"
      lead={outgoing ? 'One attempt to reach your endpoint.' : 'One webhook that we received from you.'}
      actions={flow !== null && outgoing && <RedeliverForm referenceId={flow} />}
    >
      <Card
        title="What happened"
        lead={visible(whatHappened(attempt))}
        aside={
          <span class="badges">
            {test && <Badge tone="neutral">Test</Badge>}
            <Badge tone={OUTCOME_TONES[attempt.outcome]}>{OUTCOME_WORDS[attempt.outcome]}</Badge>
          </span>
        }
      >
        <Known attempt={attempt} flow={flow} />
      </Card>
      <Sent attempt={attempt} />
      <Answered attempt={attempt} />
      <p>
        <a href="/portal/deliveries">All deliveries</a>
      </p>
    </Page>
  );
}

function Known({ attempt, flow }: { attempt: AttemptDetail; flow: string | null }): VNode {
  const { id, direction, event, number, durationMs, nextAttemptAt, referenceId, traced } = attempt;
  return (
    <Facts
      of={[
        ['When', <Time at={uuidTime(id)} />],
        ['Direction', `${DIRECTION_WORDS[direction]}, ${direction === 'outgoing' ? 'to you' : 'from you'}`],
        ['Event', event === null ? null : <code>{visible(event)}</code>],
        ['Attempt', String(number)],
        ['Took', inWords(durationMs)],
        ['Next attempt', nextAttemptAt === null ? null : <Time at={nextAttemptAt} />],
        ['Attempt id', <Copyable id="attempt-id" value={id} label="attempt id" />],
        [
          'Reference id',
          referenceId === null ? null : (
            <>
              <Copyable id="reference-id" value={referenceId} label="reference id" />{' '}
              {flow !== null && traced && <a href={`/portal/flows/${flow}`}>Follow this flow</a>}
            </>
          ),
        ],
        [
          'Event id',
          flow === null || direction === 'incoming' ? null : (
            <Copyable id="event-id" value={eventId(flow)} label="event id" />
          ),
        ],
      ]}
    />
  );
}

function Sent({ attempt: { direction, signature, requestHeaders, payload } }: { attempt: AttemptDetail }): VNode {
  return (
    <Card title="Request" lead={direction === 'outgoing' ? 'What we sent.' : 'What you sent.'}>
      <Facts
        of={[
          ...headerFacts(requestHeaders),
          [
            'X-Webhook-Signature',
            signature === null ? null : <Copyable id="signature" value={visible(signature)} label="signature" />,
          ],
        ]}
      />
      {payload === null ? (
        <p class="muted">Its body is not kept.</p>
      ) : (
        <Verbatim title="Payload" text={payload} open note={payload === '' ? 'It was empty.' : undefined} />
      )}
    </Card>
  );
}

function Answered({ attempt }: { attempt: AttemptDetail }): VNode {
  const { direction, statusCode, responseHeaders, responseBody } = attempt;
  if (statusCode === null) {
    return (
      <Card title="Response">
        <p class="muted">There was none.</p>
      </Card>
    );
  }
  const cut = responseBody !== null && Buffer.byteLength(responseBody) >= KEPT_BYTES;
  return (
    <Card title="Response" lead={direction === 'outgoing' ? 'What your endpoint answered.' : 'What we answered.'}>
      <Facts of={[['Status', <code>{statusCode}</code>], ...headerFacts(responseHeaders)]} />
      {responseBody !== null && responseBody !== '' && (
        <Verbatim
          title="Body"
          text={responseBody}
          open
          note={cut ? 'It goes on: only its first 64 KiB are kept.' : undefined}
        />
      )}
      {responseBody === '' && <p class="muted">Its body was empty.</p>}
    </Card>
  );
}

function headerFacts(headers: Headers | null): (readonly [string, VNode])[] {
  return Object.entries(headers ?? {}).map(([name, value]) => [visible(name), <code>{visible(value)}</code>]);
}
