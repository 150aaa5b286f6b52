import type { VNode } from 'preact';
import type { PortalLink } from '../../accounts/portal-links.service';
import { Field, Form } from '../page/elements';
import { GuestPage } from '../page/layout';

export function NewPasswordPage({ link, fault }: { link: PortalLink; fault?: string }): VNode {
  const invited = link.purpose === 'invitation';
  return (
    <GuestPage title={invited ? 'Welcome' : 'Set a new password'} lead={`For ${link.email}`}>
      <Form action="/portal/new-password">
        {/* For password managers, which file the password under it. */}
        <input type="text" name="username" value={link.email} autocomplete="username" readOnly hidden />
        <Field
          name="new_password"
          type="password"
          label={invited ? 'Choose a password' : 'New password'}
          autocomplete="new-password"
          hint="At least 12 characters: a few words will do."
          fault={fault}
          autofocus
        />
        <button class="button primary wide" type="submit">
          Save password
        </button>
      </Form>
    </GuestPage>
  );
}

export function DeadLinkPage(): VNode {
  return (
    <GuestPage title="This link no longer works" lead="It has expired, or was used before. Ask for a new one.">
      <p>
        <a href="/portal/sign-in">Go to sign-in</a>
      </p>
    </GuestPage>
  );
}

export function ForgottenPage(): VNode {
  return (
    <GuestPage title="Forgot your password?" lead="We send you a link by which you set a new one.">
      <Form action="/portal/forgotten">
        <Field name="email" type="email" label="E-mail" autocomplete="username" maxLength={254} autofocus />
        <button class="button primary wide" type="submit">
          Send the link
        </button>
      </Form>
      <p class="hint">
        <a href="/portal/sign-in">Back to sign-in</a>
      </p>
    </GuestPage>
  );
}

export function LinkSentPage(): VNode {
  return (
    <GuestPage
      title="Look into your mailbox"
      lead="If somebody has a sign-in with this e-mail, a link is on its way. It is good for an hour, and once."
    >
      <p>
        <a href="/portal/sign-in">Back to sign-in</a>
      </p>
    </GuestPage>
  );
}
