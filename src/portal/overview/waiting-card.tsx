import type { ComponentChildren, VNode } from 'preact';
import { COUNTED, type Waiting, type WaitingFor } from '../../outbox/outbox-waiting.service';
import type { EndpointState } from '../endpoint/endpoint-state';
import { Badge, Card, Facts, Time } from '../page/elements';
import type { Overview } from './overview.service';
import { lasting, results } from './words';

type Props = Pick<Overview, 'waiting' | 'state' | 'now'>;
type Oldest = NonNullable<Waiting['oldest']>;

/** What has not arrived yet, and why. */
export function WaitingCard({ waiting, state, now }: Props): VNode {
  const { pending, dead, oldest } = waiting;
  return (
    <Card title="Waiting results">
      {pending === 0 && dead === 0 && <p class="muted">None. Every result has been delivered.</p>}
      <Facts
        of={[
          ['Waiting', pending === 0 ? (dead === 0 ? null : 'none') : results(pending, COUNTED)],
          ['The oldest waits', oldest === null ? null : <OldestWaits {...oldest} state={state} now={now} />],
          ['Given up', dead === 0 ? null : <GivenUp count={dead} />],
        ]}
      />
    </Card>
  );
}

function OldestWaits({ state, now, ...oldest }: Oldest & Pick<Props, 'state' | 'now'>): VNode {
  return (
    <>
      {lasting(now - oldest.since.getTime())}. {reason(oldest, state)}
      <p>
        <a href={`/portal/flows/${oldest.referenceId}`}>See its flow</a>
      </p>
    </>
  );
}

function GivenUp({ count }: { count: number }): VNode {
  return (
    <>
      <Badge tone="danger">{results(count, COUNTED)}</Badge>
      <p class="hint">The last attempt failed. They are kept for 30 days.</p>
      <a href="/portal/deliveries/dead">See them, and deliver them again</a>
    </>
  );
}

function reason(oldest: Oldest, { name }: EndpointState): ComponentChildren {
  if (name === 'no_url') return 'There is no webhook URL to send it to.';
  if (name === 'disabled') return 'Deliveries are disabled.';
  if (name === 'paused' && oldest.waitsFor !== 'its_answer') return 'Deliveries are paused.';
  if (oldest.waitsFor !== 'its_retry') return REASONS[oldest.waitsFor];
  return (
    <>
      {oldest.failures === 1 ? 'One attempt failed' : `${oldest.failures} attempts failed`}; the next is due{' '}
      <Time at={oldest.retryAt} />.
    </>
  );
}

const REASONS: Readonly<Record<Exclude<WaitingFor, 'its_retry'>, string>> = {
  its_turn: 'It is next in line.',
  its_answer: 'It is being sent right now.',
  an_older_one: 'An older result of the same entity has to arrive first.',
  its_score: 'Its application is being scored.',
};
