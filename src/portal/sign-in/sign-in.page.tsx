import type { VNode } from 'preact';
import { DEMO } from '../../accounts/demo';
import { Field, Form, Notice } from '../page/elements';
import { GuestPage } from '../page/layout';

interface SignInPageProps {
  /** Where to go afterwards. */
  readonly back: string;
  readonly sent?: { readonly email: string; readonly fault: string } | undefined;
  /** The code of what was done just before. */
  readonly done: unknown;
  /** Whether to offer the demo account. */
  readonly demo: boolean;
  /** Whether a link for a new password can be mailed. */
  readonly mails: boolean;
}

const DONE: Readonly<Record<string, string>> = {
  password: 'Your password is saved. Sign in with it.',
  'signed-out': 'You are signed out everywhere.',
};

export function SignInPage({ back, sent, done, demo, mails }: SignInPageProps): VNode {
  return (
    <GuestPage title="Sign in">
      {typeof done === 'string' && Object.hasOwn(DONE, done) && <Notice tone="success">{DONE[done]}</Notice>}
      {sent !== undefined && <Notice tone="danger">{sent.fault}</Notice>}
      <Form action="/portal/sign-in">
        <input type="hidden" name="return" value={back} />
        <Field
          name="email"
          type="email"
          label="E-mail"
          value={sent?.email}
          autocomplete="username"
          autofocus={sent === undefined}
          maxLength={254}
        />
        <Field name="password" type="password" label="Password" autocomplete="current-password" />
        <button class="button primary wide" type="submit">
          Sign in
        </button>
      </Form>
      <p class="hint">
        {mails ? (
          <a href="/portal/forgotten">Forgot your password?</a>
        ) : (
          'Forgot your password? Carv can make you a link for a new one.'
        )}
      </p>
      {demo && <DemoSignIn back={back} />}
    </GuestPage>
  );
}

/** Only in development: these credentials are published. */
function DemoSignIn({ back }: { back: string }): VNode {
  return (
    <Form action="/portal/sign-in" class="demo" label="Demo account">
      <p class="hint">
        This gateway runs in development, with the demo account <code>{DEMO.email}</code>.
      </p>
      <input type="hidden" name="return" value={back} />
      <input type="hidden" name="email" value={DEMO.email} />
      <input type="hidden" name="password" value={DEMO.password} />
      <button class="button wide" type="submit">
        Sign in to the demo account
      </button>
    </Form>
  );
}
