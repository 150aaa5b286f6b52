import type { VNode } from 'preact';
import type { ListedUser } from '../../accounts/portal-users.service';
import { Badge, Card, Copyable, Field, Form, Notice, Time } from '../page/elements';
import { Page } from '../page/layout';
import { useScene } from '../page/scene';

interface UsersPageProps {
  readonly users: readonly ListedUser[];
  /** An invitation that was not made. */
  readonly refused?: { readonly sent: string; readonly role: string; readonly fault: string };
}

export function UsersPage({ users, refused }: UsersPageProps): VNode {
  const { visitor } = useScene();
  const admin = visitor?.role === 'admin';
  return (
    <Page title="Users" lead="Who may sign in here for your account.">
      <section class="card">
        <table>
          <thead>
            <tr>
              <th scope="col">E-mail</th>
              <th scope="col">Role</th>
              <th scope="col">Last sign-in</th>
              {admin && <th scope="col">Change</th>}
            </tr>
          </thead>
          <tbody>
            {users.map((user) => (
              <tr key={`${user.email} ${String(user.invitedUntil === null)}`}>
                <td data-label="E-mail">
                  <span>
                    {user.email}
                    {user.email === visitor?.email && <span class="muted"> (you)</span>}
                  </span>
                </td>
                <td data-label="Role">{user.role === 'admin' ? 'Admin' : 'Viewer'}</td>
                <td data-label="Last sign-in">
                  {user.invitedUntil === null ? <Time at={user.lastSignInAt} /> : <Invited until={user.invitedUntil} />}
                </td>
                {admin && (
                  <td data-label="Change">
                    <Removal user={user} />
                  </td>
                )}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      {admin && <InviteCard refused={refused} />}
    </Page>
  );
}

function Invited({ until }: { until: Date }): VNode {
  return (
    <span>
      <Badge tone="neutral">Invited</Badge> until <Time at={until} />
    </span>
  );
}

/** Two steps, so that nobody is removed by a slip; both work without script. */
function Removal({ user }: { user: ListedUser }): VNode {
  const invited = user.invitedUntil !== null;
  return (
    <details>
      <summary>
        {invited ? 'Revoke' : 'Remove'}
        <span class="visually-hidden">{` ${user.email}`}</span>…
      </summary>
      <Form action={invited ? '/portal/users/invitations/revoke' : '/portal/users/remove'}>
        <input type="hidden" name="email" value={user.email} />
        <button class="button destructive small" type="submit">
          {invited ? 'Yes, revoke it' : 'Yes, remove and sign out'}
        </button>
      </Form>
    </details>
  );
}

function InviteCard({ refused }: Pick<UsersPageProps, 'refused'>): VNode {
  return (
    <Card title="Invite somebody" lead="They get a link, good for 7 days and once, by which they choose a password.">
      <Form action="/portal/users/invitations">
        <Field name="email" type="email" label="E-mail" value={refused?.sent} fault={refused?.fault} maxLength={254} />
        <div class="field">
          <label for="field-role">Role</label>
          <select id="field-role" name="role">
            <option value="viewer" selected={refused?.role !== 'admin'}>
              Viewer: sees everything but secrets
            </option>
            <option value="admin" selected={refused?.role === 'admin'}>
              Admin: sees and changes everything
            </option>
          </select>
        </div>
        <button class="button primary" type="submit">
          Invite
        </button>
      </Form>
    </Card>
  );
}

export function InvitationPage({ email, link }: { email: string; link: string }): VNode {
  return (
    <Page title="Pass this link on">
      <section class="card">
        <Notice tone="warning">
          <p>
            <strong>Copy it now: it is shown this once.</strong> This gateway sends no mail, so give it to {email}{' '}
            yourself, in a way that nobody else reads. It is good for 7 days and once.
          </p>
        </Notice>
        <p class="secret">
          <Copyable id="secret" value={link} label="link" />
        </p>
        <p>
          <a class="button" href="/portal/users">
            Done
          </a>
        </p>
      </section>
    </Page>
  );
}
