import type { VNode } from 'preact';
import { Pager, Time } from '../page/elements';
import { Page } from '../page/layout';
import type { AuditLine } from './audit-log.service';

/** What was done, in words; an action that is not here is shown as it is called. */
const ACTIONS: Readonly<Record<string, string>> = {
  'account.created': 'Account created',
  'account.renamed': 'Name changed',
  'account.enabled': 'Account enabled',
  'account.disabled': 'Account disabled',
  'api_key.rotated': 'API key rotated',
  'incoming_secret.rotated': 'Incoming secret rotated',
  'outgoing_secret.rotated': 'Outgoing secret rotated',
  'incoming_secret.viewed': 'Incoming secret looked at',
  'outgoing_secret.viewed': 'Outgoing secret looked at',
  'webhook_url.changed': 'Webhook URL changed',
  'endpoint.enabled': 'Deliveries resumed',
  'flow.redelivered': 'Result redelivered',
  'bulk_redelivery.started': 'Redelivery in bulk begun',
  'user.invited': 'User invited',
  'user.joined': 'User joined',
  'user.removed': 'User removed',
  'invitation.revoked': 'Invitation revoked',
  'password.changed': 'Password changed',
  'password.reset': 'Password reset by link',
  'password_reset_link.made': 'Link for a new password made',
  'staff.looked': 'Carv staff looked',
};

interface AuditLogPageProps {
  readonly lines: readonly AuditLine[];
  readonly older: string | null;
  readonly newest: boolean;
}

export function AuditLogPage({ lines, older, newest }: AuditLogPageProps): VNode {
  return (
    <Page title="Audit log" lead="Who changed or looked at what, newest first. It is kept for good.">
      <section class="card">
        {lines.length === 0 ? <p class="muted">Nothing yet.</p> : <Lines lines={lines} />}
        <Pager
          label="Pages of the log"
          newest={newest ? null : '/portal/audit-log'}
          older={older === null ? null : `/portal/audit-log?before=${older}`}
        />
      </section>
    </Page>
  );
}

function Lines({ lines }: { lines: readonly AuditLine[] }): VNode {
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">When</th>
          <th scope="col">Who</th>
          <th scope="col">What</th>
        </tr>
      </thead>
      <tbody>
        {lines.map(({ id, at, actor, action, detail }) => (
          <tr key={id}>
            <td data-label="When">
              <Time at={at} />
            </td>
            <td data-label="Who">{actor === 'operator' ? 'Carv (command line)' : actor}</td>
            <td data-label="What">
              <span>
                {Object.hasOwn(ACTIONS, action) ? ACTIONS[action] : action}
                <Detail detail={detail} />
              </span>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Detail({ detail }: Pick<AuditLine, 'detail'>): VNode | null {
  const told = Object.entries(detail).filter(([, value]) => value !== null && value !== false);
  if (told.length === 0) return null;
  return (
    <span class="hint block">
      {told
        .map(([name, value]) => (value === true ? name : `${name.replaceAll('_', ' ')}: ${asText(value)}`))
        .join(', ')}
    </span>
  );
}

function asText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
