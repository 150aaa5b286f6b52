import type { VNode } from 'preact';
import { CheckWarning } from '../endpoint/check-warning';
import type { EndpointState } from '../endpoint/endpoint-state';
import { plainWords } from '../endpoint/plain-words';
import { Badge, Facts, Time } from '../page/elements';
import { useScene } from '../page/scene';
import type { Overview } from './overview.service';

type Props = Pick<Overview, 'state' | 'url' | 'check' | 'figures' | 'failure'>;

/** The answer to what people come for: a word, a sentence, and what to do next. */
export function HealthCard({ state, url, check, figures, failure }: Props): VNode {
  const admin = useScene().visitor?.role === 'admin';
  const failing = state.name === 'failing' || state.name === 'paused';
  const next = nextStep(state, failure?.referenceId ?? null, admin);
  return (
    <section class={`card health ${state.name === 'healthy' ? 'is-well' : `is-${state.tone}`}`}>
      <header class="card-head">
        <div>
          <h2>Your endpoint</h2>
          <p class="health-word">
            <Badge tone={state.tone}>{state.label}</Badge>
          </p>
          <p>{state.sentence}</p>
        </div>
        {next !== null && (
          <a class="button" href={next.href}>
            {next.label}
          </a>
        )}
      </header>
      {check !== null && <CheckWarning check={check} />}
      <Facts
        of={[
          ['Why', failing && failure !== null ? plainWords(failure.statusCode, failure.fault) : null],
          ['Webhook URL', url === null ? <span class="muted">none</span> : <code>{url}</code>],
          [
            'Last delivered',
            figures.lastSuccessAt === null ? (
              <span class="muted">nothing in the last 7 days</span>
            ) : (
              <Time at={figures.lastSuccessAt} />
            ),
          ],
        ]}
      />
    </section>
  );
}

interface Step {
  readonly href: string;
  readonly label: string;
}

function nextStep({ name }: EndpointState, failedFlow: string | null, admin: boolean): Step | null {
  const configuration = (label: string): Step => ({
    href: '/portal/configuration',
    label: admin ? label : 'See the configuration',
  });
  if (name === 'healthy') return null;
  if (name === 'no_url') return configuration('Set a webhook URL');
  if (name === 'disabled') return configuration('Mend it, then resume deliveries');
  if (failedFlow !== null) return { href: `/portal/flows/${failedFlow}`, label: 'See what failed last' };
  return configuration('Check the URL with a ping');
}
