import type { VNode } from 'preact';
import type { Account } from '../../accounts/account.entity';
import type { Endpoint } from '../../accounts/endpoint.entity';
import type { ListedSecret } from '../../accounts/webhook-secrets.service';
import type { EndpointCheck } from '../endpoint/endpoint-checks.service';
import type { EndpointState } from '../endpoint/endpoint-state';
import { Badge, Card, Copyable, Facts, Field, Form, Time } from '../page/elements';
import { Page } from '../page/layout';
import { useScene } from '../page/scene';
import { EndpointCard } from './endpoint-card';

/** What was sent and not saved, by field. */
export type Faults = Readonly<Partial<Record<'name' | 'webhook_url', { sent: string; message: string }>>>;

export interface ConfigurationPageProps {
  readonly account: Account;
  readonly endpoint: Endpoint;
  readonly state: EndpointState;
  readonly check: EndpointCheck | null;
  readonly secrets: readonly ListedSecret[];
  readonly faults: Faults;
}

export function ConfigurationPage({ account, endpoint, state, check, secrets, faults }: ConfigurationPageProps): VNode {
  const admin = useScene().visitor?.role === 'admin';
  return (
    <Page title="My Configuration" lead="Where results are delivered, and what proves who is who.">
      <AccountCard account={account} fault={faults.name} admin={admin} />
      <EndpointCard {...{ endpoint, state, check, admin }} fault={faults.webhook_url} />
      <Card
        title="API key"
        lead="Your system sends it as X-API-Key with every call. Only its hash is stored, so nobody can show it again."
        aside={admin && <Action href="/portal/configuration/api-key" verb="Rotate" what="the API key" />}
      />
      <Card title="Webhook secrets" lead="Shared by both sides, to sign webhooks and to verify them.">
        <Secret
          direction="incoming"
          purpose="Your system signs with it what it sends to Carv."
          {...{ secrets, admin }}
        />
        <Secret
          direction="outgoing"
          purpose="Carv signs with it what your endpoint receives."
          {...{ secrets, admin }}
        />
      </Card>
    </Page>
  );
}

function AccountCard(props: { account: Account; fault: Faults['name']; admin: boolean }): VNode {
  const { account, fault, admin } = props;
  const badge = <Badge tone={account.enabled ? 'success' : 'danger'}>{account.enabled ? 'Enabled' : 'Disabled'}</Badge>;
  return (
    <Card title="Account" aside={badge}>
      <Facts
        of={[
          ['Account id', <Copyable id="account-id" value={account.atsId} label="account id" />],
          ['Name', admin ? null : account.name],
          ['Created', <Time at={account.createdAt} />],
          ['Updated', <Time at={account.updatedAt} />],
        ]}
      />
      {admin && (
        <Form action="/portal/configuration/name" class="ruled">
          <Field name="name" label="Name" value={fault?.sent ?? account.name} fault={fault?.message} maxLength={200} />
          <button class="button" type="submit">
            Save name
          </button>
        </Form>
      )}
    </Card>
  );
}

interface SecretProps {
  readonly direction: 'incoming' | 'outgoing';
  readonly purpose: string;
  readonly secrets: readonly ListedSecret[];
  readonly admin: boolean;
}

function Secret({ direction, purpose, secrets, admin }: SecretProps): VNode {
  const own = secrets.filter((secret) => secret.direction === direction);
  const current = own.find((secret) => secret.expiresAt === null);
  const former = own.flatMap(({ expiresAt }) => (expiresAt === null ? [] : [expiresAt]));
  const path = `/portal/configuration/secrets/${direction}`;
  return (
    <section class="row" aria-labelledby={`${direction}-secret`}>
      <div>
        <h3 id={`${direction}-secret`}>{direction === 'incoming' ? 'Incoming' : 'Outgoing'}</h3>
        <p class="hint">{purpose}</p>
        <p class="hint">
          In use since <Time at={current?.createdAt ?? null} />
          {former.map((until) => (
            <span key={until.getTime()}>
              ; a former one counts until <Time at={until} />
            </span>
          ))}
        </p>
      </div>
      {admin && (
        <div class="actions">
          <Action href={`${path}/show`} verb="Show" what={`the ${direction} secret`} />
          <Action href={`${path}/rotate`} verb="Rotate" what={`the ${direction} secret`} />
        </div>
      )}
    </section>
  );
}

/** Whoever sees it sees what it stands beside; whoever hears it is told. */
function Action({ href, verb, what }: { href: string; verb: string; what: string }): VNode {
  return (
    <a class="button small" href={href}>
      {verb}
      <span class="visually-hidden">{` ${what}`}</span>…
    </a>
  );
}
