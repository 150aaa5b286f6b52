import type { VNode } from 'preact';
import { describingHeaders } from '../../delivery/sender';
import { eventId } from '../../events/outbound';
import type { Test } from '../endpoint/test-sends.service';
import { Card, CopyButton } from '../page/elements';

const MADE_WHEN_SENT = '(made when sent)';

interface PreviewCardProps {
  readonly url: string | null;
  readonly test: Test;
}

/** The request to the byte, but for what depends on the moment and on the secrets. */
export function PreviewCard({ url, test }: PreviewCardProps): VNode {
  return (
    <Card title="Preview" lead="What would be sent. Ids, time and signatures are made anew when you send it.">
      <pre tabIndex={0} aria-label="Head of the request">
        {headOf(url, test)}
      </pre>
      <div>
        <div class="pre-head">
          <h3>Body, {test.body.length} bytes</h3>
          <CopyButton of="preview-body" label="body" />
        </div>
        <pre tabIndex={0} id="preview-body" aria-label="Body of the request">
          {test.body.toString()}
        </pre>
      </div>
    </Card>
  );
}

function headOf(url: string | null, test: Test): string {
  const headers = {
    ...describingHeaders({ ...test, test: true }),
    'webhook-id': eventId(test.referenceId),
    'webhook-timestamp': MADE_WHEN_SENT,
    'X-Webhook-Signature': `t=…,v1=… ${MADE_WHEN_SENT}`,
    'webhook-signature': `v1,… ${MADE_WHEN_SENT}`,
    'Content-Length': String(test.body.length),
  };
  return [`POST ${url ?? '(no webhook URL yet)'}`, ...Object.entries(headers).map((pair) => pair.join(': '))].join(
    '\n',
  );
}
