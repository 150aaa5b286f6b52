import type { VNode } from 'preact';
import type { BulkRedelivery } from '../../outbox/bulk-redeliveries.service';
import { Notice } from '../page/elements';

export function RunningNotice({ running: { id, done, total } }: { running: BulkRedelivery }): VNode {
  return (
    <Notice tone="neutral">
      <p>
        What was given up is being redelivered: {done} of {total} messages are queued again.{' '}
        <a href={`/portal/deliveries/dead/redeliveries/${id}`}>See its progress</a>
      </p>
    </Notice>
  );
}
