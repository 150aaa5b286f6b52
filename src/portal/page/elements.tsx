import type { ComponentChildren, VNode } from 'preact';
import { ICONS, type IconName } from './nav';
import { useScene } from './scene';

export type Tone = 'success' | 'warning' | 'danger' | 'neutral';

interface FormProps {
  readonly action: string;
  readonly class?: string;
  /** Makes it a named group for those who do not see it. */
  readonly label?: string;
  readonly children: ComponentChildren;
}

/** Every form that posts: it brings the token that the guard asks for. */
export function Form({ action, class: className, label, children }: FormProps): VNode {
  const { csrf } = useScene();
  return (
    <form method="post" action={action} class={className} aria-label={label} noValidate>
      <input type="hidden" name="csrf" value={csrf} />
      {children}
    </form>
  );
}

interface FieldProps {
  readonly name: string;
  readonly label: string;
  readonly type?: 'text' | 'email' | 'password' | 'url';
  readonly value?: string;
  readonly hint?: ComponentChildren;
  /** What is wrong with what was sent. */
  readonly fault?: string | undefined;
  readonly autocomplete?: string;
  readonly autofocus?: boolean;
  readonly maxLength?: number;
  readonly optional?: boolean;
}

/** One line of text with its label, hint and fault, tied together for screen readers. */
export function Field({ name, label, type = 'text', value, hint, fault, ...rest }: FieldProps): VNode {
  const id = `field-${name}`;
  const notes = [hint !== undefined && `${id}-hint`, fault !== undefined && `${id}-fault`].filter(Boolean).join(' ');
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        name={name}
        type={type}
        value={value}
        maxLength={rest.maxLength}
        autocomplete={rest.autocomplete ?? 'off'}
        autofocus={rest.autofocus}
        aria-invalid={fault !== undefined}
        aria-describedby={notes === '' ? undefined : notes}
        required={rest.optional !== true}
      />
      {hint !== undefined && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {fault !== undefined && (
        <p class="fault" id={`${id}-fault`}>
          {fault}
        </p>
      )}
    </div>
  );
}

/** What is asked again before a secret is shown or changed. */
export function PasswordField({ fault, hint }: { fault?: string | undefined; hint?: string }): VNode {
  return (
    <Field name="password" type="password" label="Your password" autocomplete="current-password" {...{ fault, hint }} />
  );
}

interface CardProps {
  readonly title: string;
  readonly lead?: ComponentChildren;
  /** In the upper right corner. */
  readonly aside?: ComponentChildren;
  readonly children?: ComponentChildren;
}

export function Card({ title, lead, aside, children }: CardProps): VNode {
  return (
    <section class="card">
      <header class="card-head">
        <div>
          <h2>{title}</h2>
          {lead !== undefined && <p class="card-lead">{lead}</p>}
        </div>
        {aside}
      </header>
      {children}
    </section>
  );
}

/** Names and values; a value that is null is left out. */
export function Facts({ of }: { of: readonly (readonly [string, ComponentChildren])[] }): VNode {
  return (
    <dl class="facts">
      {of.map(([name, value]) =>
        value === null ? null : (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ),
      )}
    </dl>
  );
}

interface PagerProps {
  readonly label: string;
  /** Where the list begins; null there. */
  readonly newest: string | null;
  readonly older: string | null;
  readonly olderLabel?: string;
}

/** Where a list goes on, and back to its beginning; nothing for a list of one page. */
export function Pager({ label, newest, older, olderLabel = 'Older' }: PagerProps): VNode | null {
  if (newest === null && older === null) return null;
  return (
    <nav class="pager" aria-label={label}>
      {newest === null ? <span /> : <a href={newest}>Newest</a>}
      {older !== null && <a href={older}>{olderLabel}</a>}
    </nav>
  );
}

/** Something to be told at once; an alert to those who do not see it. */
export function Notice({ tone, children }: { tone: Tone; children: ComponentChildren }): VNode {
  return (
    <div class={`notice ${tone}`} role={tone === 'danger' ? 'alert' : 'status'}>
      {children}
    </div>
  );
}

/** A word that says a state, in its colour. */
export function Badge({ tone, children }: { tone: Tone; children: ComponentChildren }): VNode {
  return <span class={`badge ${tone}`}>{children}</span>;
}

/** A value to be copied; the button shows itself when the script is there. */
export function Copyable({ id, value, label }: { id: string; value: string; label: string }): VNode {
  return (
    <span class="copyable">
      <code id={id}>{value}</code>
      <CopyButton of={id} label={label} />
    </span>
  );
}

/** @param props.of the id of what it copies the text of */
export function CopyButton({ of, label }: { of: string; label: string }): VNode {
  return (
    <button type="button" class="copy" data-copy={of} aria-label={`Copy ${label}`} hidden>
      Copy
    </button>
  );
}

/** In UTC, as the API and the logs say it; the script adds the reader's own time as a tooltip. */
export function Time({ at }: { at: Date | number | null }): VNode {
  if (at === null) return <span class="muted">never</span>;
  const iso = new Date(at).toISOString();
  return <time dateTime={iso}>{`${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`}</time>;
}

export function Icon({ name }: { name: IconName }): VNode {
  return (
    <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">
      <path d={ICONS[name]} />
    </svg>
  );
}

/** One of a few buttons of which one is chosen. */
export function Toggle(props: { name: string; value: string; pressed: boolean; label: string }): VNode {
  return (
    <button type="submit" name={props.name} value={props.value} aria-pressed={props.pressed}>
      {props.label}
    </button>
  );
}
