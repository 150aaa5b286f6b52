import type { VNode } from 'preact';
import type { FailedAttempt } from '../../delivery-log/delivery-figures.service';
import { plainWords } from '../endpoint/plain-words';
import { Card, Facts, Time } from '../page/elements';

/** @param failure the latest of seven days, if any */
export function FailureCard({ failure }: { failure: FailedAttempt | null }): VNode {
  return (
    <Card title="Last failure">
      {failure === null ? <p class="muted">None in the last 7 days.</p> : <Failure {...failure} />}
    </Card>
  );
}

function Failure({ at, referenceId, event, statusCode, fault }: FailedAttempt): VNode {
  const known = statusCode !== null || fault !== null;
  return (
    <Facts
      of={[
        ['When', <Time at={at} />],
        ['What happened', known ? plainWords(statusCode, fault) : 'Its details are no longer kept.'],
        ['Event', event === null ? null : <code>{event}</code>],
        ['Flow', referenceId === null ? null : <a href={`/portal/flows/${referenceId}`}>See its flow</a>],
      ]}
    />
  );
}
