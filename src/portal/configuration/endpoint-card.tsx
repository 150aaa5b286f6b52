import type { VNode } from 'preact';
import type { Endpoint } from '../../accounts/endpoint.entity';
import { CheckWarning } from '../endpoint/check-warning';
import { isGood, type EndpointCheck } from '../endpoint/endpoint-checks.service';
import type { EndpointState } from '../endpoint/endpoint-state';
import { plainWords } from '../endpoint/plain-words';
import { Badge, Card, Facts, Field, Form, Notice, Time } from '../page/elements';

interface EndpointCardProps {
  readonly endpoint: Endpoint;
  readonly state: EndpointState;
  readonly check: EndpointCheck | null;
  readonly fault: { sent: string; message: string } | undefined;
  readonly admin: boolean;
}

export function EndpointCard({ endpoint, state, check, fault, admin }: EndpointCardProps): VNode {
  const { url } = endpoint;
  return (
    <Card title="Webhook endpoint" lead={state.sentence} aside={<Badge tone={state.tone}>{state.label}</Badge>}>
      {endpoint.disabledAt !== null && <Disabled endpoint={endpoint} admin={admin} />}
      {check !== null && <CheckWarning check={check} />}
      <Facts
        of={[
          ['Webhook URL', admin ? null : url === null ? <span class="muted">none</span> : <code>{url}</code>],
          ['Last ping', url === null ? null : <LastPing check={check} />],
        ]}
      />
      {admin && (
        <Form action="/portal/configuration/webhook-url" class="ruled">
          <Field
            name="webhook_url"
            type="url"
            label="Webhook URL"
            value={fault?.sent ?? url ?? ''}
            fault={fault?.message}
            maxLength={2048}
            optional
            hint="Saving sends a signed ping, marked as a test, and shows the answer. Empty: results are kept for 30 days."
          />
          <div class="actions">
            <button class="button primary" type="submit">
              Save and send a ping
            </button>
            {url !== null && (
              <button class="button" type="submit" formAction="/portal/configuration/ping">
                Only send a ping
              </button>
            )}
          </div>
        </Form>
      )}
    </Card>
  );
}

function Disabled({ endpoint, admin }: { endpoint: Endpoint; admin: boolean }): VNode {
  return (
    <Notice tone="danger">
      <p>
        <strong>No results are delivered</strong> since <Time at={endpoint.disabledAt} />:{' '}
        {endpoint.disabledReason ?? 'the endpoint was disabled'}. They are kept for 30 days.
      </p>
      {admin && (
        <Form action="/portal/configuration/resume">
          <button class="button" type="submit">
            Resume deliveries
          </button>
        </Form>
      )}
    </Notice>
  );
}

function LastPing({ check }: { check: EndpointCheck | null }): VNode {
  if (check === null) return <span class="muted">not sent yet</span>;
  const { at, statusCode, fault, durationMs, responseBody } = check;
  return (
    <>
      <Badge tone={isGood(statusCode) ? 'success' : 'danger'}>{statusCode ?? 'No answer'}</Badge> after {durationMs} ms,{' '}
      <Time at={at} />
      <p class="hint">{plainWords(statusCode, fault)}</p>
      {responseBody !== null && responseBody.trim() !== '' && (
        <details>
          <summary>What it answered</summary>
          <pre tabIndex={0}>{responseBody}</pre>
        </details>
      )}
    </>
  );
}
