import type { VNode } from 'preact';
import type { Receipts } from '../../dev-receiver/receipts.service';
import { Badge, Card, Time } from '../page/elements';
import { receiptLine, type ReceiptLine } from './receipt-line';

const SHOWN = 8;

/** What arrived at the receiver of the demo account; with the script, as it arrives. */
export function ReceivedCard({ receipts }: { receipts: Receipts }): VNode {
  const lines = receipts.list().slice(0, SHOWN).map(receiptLine);
  return (
    <Card
      title="Received"
      lead="What the demo account's endpoint got, as your own would. It is there in development only."
      aside={
        <span class="live" data-stream="/portal/received" data-count={receipts.count} role="status" hidden>
          Live
        </span>
      }
    >
      {lines.length === 0 ? (
        <p class="muted">
          Nothing yet. Send a candidate, from the <a href="/docs">API reference</a> or with the command of the Quick
          Start.
        </p>
      ) : (
        <ReceivedTable lines={lines} />
      )}
    </Card>
  );
}

function ReceivedTable({ lines }: { lines: readonly ReceiptLine[] }): VNode {
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">When</th>
          <th scope="col">Event</th>
          <th scope="col">About</th>
          <th scope="col">Signature</th>
          <th scope="col">Flow</th>
        </tr>
      </thead>
      <tbody>
        {lines.map((line) => (
          <tr key={`${line.at} ${line.referenceId ?? ''}`}>
            <td data-label="When">
              <Time at={new Date(line.at)} />
            </td>
            <td data-label="Event">
              <code>{line.event}</code>
            </td>
            <td data-label="About">{line.about ?? <span class="muted">–</span>}</td>
            <td data-label="Signature">
              <span>
                <Badge tone={line.verified ? 'success' : 'danger'}>{line.verified ? 'Verified' : 'Not verified'}</Badge>
              </span>
            </td>
            <td data-label="Flow">
              {line.referenceId === null ? (
                <span class="muted">–</span>
              ) : (
                <a href={`/portal/flows/${line.referenceId}`}>See its flow</a>
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
