import { STATUS_CODES } from 'node:http';
import type { VNode } from 'preact';
import { uuidTime } from '../../database/clock';
import { recorded, type RecordedOutcome } from '../../delivery/outcome';
import { eventId } from '../../events/outbound';
import type { Test, TestSent } from '../endpoint/test-sends.service';
import { plainWords } from '../endpoint/plain-words';
import { Badge, Card, Copyable, Facts, Time } from '../page/elements';
import { VerifyHint } from './verify-hint';

interface ResultCardProps {
  readonly url: string;
  readonly test: Test;
  readonly sent: TestSent;
}

export function ResultCard({ url, test, sent }: ResultCardProps): VNode {
  const answer = recorded(sent.outcome);
  const { outcome, statusCode } = answer;
  return (
    <Card
      title="Result"
      lead={`${plainWords(statusCode, answer.error)} ${consequence(answer)}`}
      aside={<Badge tone={outcome === 'success' ? 'success' : 'danger'}>{statusWords(statusCode)}</Badge>}
    >
      <Facts
        of={[
          ['Answered', statusCode === null ? null : `after ${sent.durationMs} ms`],
          ['Gave up', statusCode === null ? `after ${sent.durationMs} ms` : null],
          ['Response body', answer.responseBody === null ? null : <Body text={answer.responseBody} />],
          ['Response headers', statusCode === null ? null : <Headers of={answer.responseHeaders} />],
          ['Sent to', <code>{url}</code>],
          ['Sent at', <Time at={uuidTime(sent.attemptId)} />],
          ['Event id', <Copyable id="event-id" value={eventId(test.referenceId)} label="event id" />],
          ['In the log', <a href={`/portal/deliveries/${sent.attemptId}`}>This test in Webhook Deliveries</a>],
        ]}
      />
      {(statusCode === 401 || statusCode === 403) && <VerifyHint signature={sent.signature} />}
      <details>
        <summary>What was sent</summary>
        <pre
          tabIndex={0}
        >{`${linesOf(sent.headers)}\nX-Webhook-Signature: ${sent.signature}\n\n${test.body.toString()}`}</pre>
      </details>
    </Card>
  );
}

function statusWords(statusCode: number | null): string {
  return statusCode === null ? 'No answer' : `${statusCode} ${STATUS_CODES[statusCode] ?? ''}`.trim();
}

/** What would follow if it had been an event of a flow. */
function consequence({ outcome, statusCode }: RecordedOutcome): string {
  if (outcome === 'success') return 'A real event would count as delivered.';
  return statusCode === 410 ? 'After a real event deliveries would be off.' : 'A real event would be tried again.';
}

function Headers({ of }: { of: Record<string, string> }): VNode {
  return Object.keys(of).length === 0 ? <Nothing /> : <pre tabIndex={0}>{linesOf(of)}</pre>;
}

function Body({ text }: { text: string }): VNode {
  return text === '' ? <Nothing /> : <pre tabIndex={0}>{text}</pre>;
}

function Nothing(): VNode {
  return <span class="muted">none</span>;
}

function linesOf(headers: Record<string, string>): string {
  return Object.entries(headers)
    .map((pair) => pair.join(': '))
    .join('\n');
}
