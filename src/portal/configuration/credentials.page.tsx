import type { ComponentChildren, VNode } from 'preact';
import type { Direction } from '../../accounts/webhook-secrets.service';
import { Copyable, Form, Notice, PasswordField } from '../page/elements';
import { Page } from '../page/layout';

const HERE = '/portal/configuration';

interface AskProps {
  readonly title: string;
  readonly lead: string;
  readonly action: string;
  readonly button: string;
  readonly destructive?: boolean;
  readonly fault?: string | undefined;
  readonly children?: ComponentChildren;
}

/** Asks for the password again before it does what its button says. */
function Ask({ title, lead, action, button, destructive = false, fault, children }: AskProps): VNode {
  return (
    <Page title={title} lead={lead}>
      <section class="card">
        <Form action={action}>
          {children}
          <PasswordField fault={fault} hint="To make sure that it is you." />
          <div class="actions">
            <button class={`button ${destructive ? 'destructive' : 'primary'}`} type="submit">
              {button}
            </button>
            <a class="button" href={HERE}>
              Cancel
            </a>
          </div>
        </Form>
      </section>
    </Page>
  );
}

export function RotateKeyPage({ expected, fault }: { expected: string; fault?: string }): VNode {
  return (
    <Ask
      title="Rotate the API key"
      lead="You get a new key at once, and the present one is refused from that moment on: have your system’s settings at hand."
      action={`${HERE}/api-key`}
      button="Rotate the API key"
      destructive
      fault={fault}
    >
      <input type="hidden" name="expected" value={expected} />
    </Ask>
  );
}

export function ShowSecretPage({ direction, fault }: { direction: Direction; fault?: string }): VNode {
  return (
    <Ask
      title={`Show the ${direction} secret`}
      lead="That you looked at it is noted in the audit log."
      action={`${HERE}/secrets/${direction}/show`}
      button="Show the secret"
      fault={fault}
    />
  );
}

interface RotateSecretProps {
  readonly direction: Direction;
  /** The id of the secret that is to be replaced. */
  readonly expected: string;
  readonly compromised?: boolean;
  readonly fault?: string;
}

export function RotateSecretPage({ direction, expected, compromised = false, fault }: RotateSecretProps): VNode {
  return (
    <Ask
      title={`Rotate the ${direction} secret`}
      lead="You get a new secret; how long the present one still counts is up to you."
      action={`${HERE}/secrets/${direction}/rotate`}
      button="Rotate the secret"
      destructive
      fault={fault}
    >
      <input type="hidden" name="expected" value={expected} />
      <fieldset>
        <legend>Why do you rotate it?</legend>
        <Choice value="planned" checked={!compromised} label="As planned">
          The present secret counts for 24 hours more, so that no webhook is lost while you change it.
        </Choice>
        <Choice value="compromised" checked={compromised} label="It may be known to others">
          The present secret, and every former one, ends at once.
        </Choice>
      </fieldset>
    </Ask>
  );
}

function Choice(props: { value: string; checked: boolean; label: string; children: string }): VNode {
  const id = `reason-${props.value}`;
  return (
    <div class="choice">
      <input
        type="radio"
        id={id}
        name="reason"
        value={props.value}
        checked={props.checked}
        aria-describedby={`${id}-hint`}
      />
      <label for={id}>{props.label}</label>
      <p class="hint" id={`${id}-hint`}>
        {props.children}
      </p>
    </div>
  );
}

interface SecretPageProps {
  readonly what: string;
  readonly secret: string;
  /** It can never be shown again. */
  readonly once?: boolean;
  readonly isNew?: boolean;
}

export function SecretPage({ what, secret, once = false, isNew = false }: SecretPageProps): VNode {
  const title = once || isNew ? `Your new ${what}` : `Your ${what}`;
  return (
    <Page title={title}>
      <section class="card">
        {once && (
          <Notice tone="warning">
            <p>
              <strong>Copy it now: it is shown this once.</strong> The former key is refused already.
            </p>
          </Notice>
        )}
        <p class="secret">
          <Copyable id="secret" value={secret} label={what} />
        </p>
        <p>
          <a class="button" href={HERE}>
            Done
          </a>
        </p>
      </section>
    </Page>
  );
}
