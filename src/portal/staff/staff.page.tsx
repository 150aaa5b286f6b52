import type { VNode } from 'preact';
import { Badge, Form, Pager } from '../page/elements';
import { Page } from '../page/layout';
import type { StaffAccount } from './staff-accounts.service';

interface StaffPageProps {
  readonly accounts: readonly StaffAccount[];
  readonly next: string | null;
  readonly search: string;
}

export function StaffPage({ accounts, next, search }: StaffPageProps): VNode {
  return (
    <Page title="Accounts" lead="Choose the account to look at. It can read in its audit log which pages you opened.">
      <section class="card">
        <form method="get" action="/portal/accounts" class="search" role="search">
          <label for="field-q" class="visually-hidden">
            Part of an id or a name
          </label>
          <input id="field-q" name="q" type="search" value={search} placeholder="Part of an id or a name" />
          <button class="button" type="submit">
            Search
          </button>
        </form>
        {accounts.length === 0 ? <p class="muted">No account matches.</p> : <Accounts accounts={accounts} />}
        <Pager
          label="Pages of accounts"
          newest={null}
          older={
            next === null ? null : `/portal/accounts?${new URLSearchParams({ q: search, after: next }).toString()}`
          }
          olderLabel="Next"
        />
      </section>
    </Page>
  );
}

function Accounts({ accounts }: Pick<StaffPageProps, 'accounts'>): VNode {
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">Name</th>
          <th scope="col">Account id</th>
          <th scope="col">Status</th>
          <th scope="col">Look</th>
        </tr>
      </thead>
      <tbody>
        {accounts.map(({ atsId, name, enabled }) => (
          <tr key={atsId}>
            <td data-label="Name">{name}</td>
            <td data-label="Account id">
              <code>{atsId}</code>
            </td>
            <td data-label="Status">
              <span>
                <Badge tone={enabled ? 'success' : 'danger'}>{enabled ? 'Enabled' : 'Disabled'}</Badge>
              </span>
            </td>
            <td data-label="Look">
              <Form action="/portal/accounts">
                <input type="hidden" name="ats_id" value={atsId} />
                <button class="button small" type="submit">
                  Look<span class="visually-hidden">{` at ${name}`}</span>
                </button>
              </Form>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
