import type { VNode } from 'preact';
import { uuidTime } from '../../database/clock';
import type { BulkRedelivery } from '../../outbox/bulk-redeliveries.service';
import { Badge, Card, Facts, Time } from '../page/elements';
import { Page } from '../page/layout';
import { isEver } from './since';

export function ProgressPage({ redelivery }: { redelivery: BulkRedelivery }): VNode {
  const { id, since, total, done, requestedBy, finishedAt } = redelivery;
  const running = finishedAt === null;
  return (
    <Page title="Redelivery in bulk">
      <Card
        title={`${done} of ${total} queued again`}
        lead={running ? 'This page comes anew by itself; you may also leave it.' : ending(redelivery)}
        aside={<Badge tone={running ? 'neutral' : 'success'}>{running ? 'Running' : 'Finished'}</Badge>}
      >
        <progress value={running ? done : total} max={total} aria-label="Messages queued again" />
        <Facts
          of={[
            ['Given up since', isEver(since) ? 'the beginning' : <Time at={since} />],
            ['Begun', <Time at={uuidTime(id)} />],
            ['By', requestedBy],
            ['Finished', running ? null : <Time at={finishedAt} />],
          ]}
        />
      </Card>
      <p class="links">
        <a href="/portal/deliveries">See them arrive in the deliveries</a>
        <a href="/portal/deliveries/dead">What is still given up</a>
      </p>
    </Page>
  );
}

function ending({ total, done }: BulkRedelivery): string {
  const others = total - done;
  const queued = 'They are sent as fast as your endpoint takes them.';
  if (others <= 0) return queued;
  return `${queued} ${others === 1 ? 'One was' : `${others} were`} redelivered otherwise, or had expired.`;
}
