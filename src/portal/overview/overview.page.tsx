import type { VNode } from 'preact';
import { CheckWarning } from '../endpoint/check-warning';
import type { EndpointCheck } from '../endpoint/endpoint-checks.service';
import type { EndpointState } from '../endpoint/endpoint-state';
import { plainWords } from '../endpoint/plain-words';
import { Badge, Card, Copyable, Facts, Time } from '../page/elements';
import { Page } from '../page/layout';
import type { LastFailure } from './last-failure.service';

interface OverviewPageProps {
  readonly state: EndpointState;
  readonly url: string | null;
  readonly check: EndpointCheck | null;
  readonly failure: LastFailure | null;
}

export function OverviewPage({ state, url, check, failure }: OverviewPageProps): VNode {
  return (
    <Page title="Overview" lead="Whether your integration is healthy, and if not, why.">
      <Card title="Your endpoint" lead={state.sentence} aside={<Badge tone={state.tone}>{state.label}</Badge>}>
        {check !== null && <CheckWarning check={check} />}
        <Facts of={[['Webhook URL', url === null ? <span class="muted">none</span> : <code>{url}</code>]]} />
      </Card>
      <Card title="Last failure">
        {failure === null ? <p class="muted">None of your recent deliveries failed.</p> : <Failure {...failure} />}
      </Card>
    </Page>
  );
}

function Failure({ at, referenceId, event, statusCode, fault }: LastFailure): VNode {
  return (
    <Facts
      of={[
        ['When', <Time at={at} />],
        ['What happened', plainWords(statusCode, fault)],
        ['Event', event === null ? null : <code>{event}</code>],
        ['Flow', referenceId === null ? null : <Copyable id="failed-flow" value={referenceId} label="reference id" />],
      ]}
    />
  );
}
