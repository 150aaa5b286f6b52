import type { VNode } from 'preact';
import type { Visitor } from '../../auth/visitor';
import { Card, Facts, Field, Form, PasswordField, Time } from '../page/elements';
import { Page } from '../page/layout';

export type ProfileFaults = Readonly<Partial<Record<'password' | 'new_password', string>>>;

interface ProfilePageProps {
  readonly visitor: Visitor;
  /** Before the present one: whoever sees a time that was not theirs knows. */
  readonly previousSignIn: Date | null;
  readonly faults: ProfileFaults;
}

const ROLES: Readonly<Record<Visitor['role'], string>> = {
  admin: 'Admin: sees and changes everything of the account',
  viewer: 'Viewer: sees everything but secrets, and changes nothing',
  staff: 'Carv staff: looks at every account, and changes nothing',
};

export function ProfilePage({ visitor, previousSignIn, faults }: ProfilePageProps): VNode {
  return (
    <Page title="Profile">
      <Card title="You">
        <Facts
          of={[
            ['E-mail', visitor.email],
            ['Role', ROLES[visitor.role]],
            ['Last sign-in', previousSignIn === null ? 'This is your first' : <Time at={previousSignIn} />],
          ]}
        />
      </Card>
      <Card title="Password" lead="Changing it ends every other session of yours.">
        <Form action="/portal/profile/password">
          <PasswordField fault={faults.password} />
          <Field
            name="new_password"
            type="password"
            label="New password"
            autocomplete="new-password"
            hint="At least 12 characters: a few words will do."
            fault={faults.new_password}
          />
          <button class="button primary" type="submit">
            Change password
          </button>
        </Form>
      </Card>
      <Card title="Sessions" lead="A session ends by itself after 2 hours without use, and after 12 hours in any case.">
        <Form action="/portal/profile/sign-out-everywhere">
          <button class="button" type="submit">
            Sign out everywhere
          </button>
        </Form>
      </Card>
    </Page>
  );
}
