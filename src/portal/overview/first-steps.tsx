import type { ComponentChildren, VNode } from 'preact';
import { Card } from '../page/elements';
import { useScene } from '../page/scene';

/** For an account to which nothing was ever delivered, as far as anybody remembers. */
export function FirstSteps({ url }: { url: string | null }): VNode {
  const admin = useScene().visitor?.role === 'admin';
  return (
    <Card title="Welcome" lead="Nothing has been delivered yet. Three steps lead to your first result.">
      <ol class="steps">
        <Step done={url !== null} title="Tell us where results go">
          {url === null ? (
            <>
              Set your webhook URL in <a href="/portal/configuration">My Configuration</a>
              {admin ? '; saving it sends a signed ping.' : ', which an admin of your account can do.'}
            </>
          ) : (
            <>
              Your webhook URL is set. <a href="/portal/testing">Webhook Testing</a> sends it a sample of every event.
            </>
          )}
        </Step>
        <Step done={false} title="Send a candidate">
          Provision a client, then send it a candidate. The <a href="/docs">API reference</a> has every call, ready to
          be tried out.
        </Step>
        <Step done={false} title="Watch its result arrive">
          Within seconds it is delivered to your URL, and counted on this page.
        </Step>
      </ol>
    </Card>
  );
}

function Step({ done, title, children }: { done: boolean; title: string; children: ComponentChildren }): VNode {
  return (
    <li class={done ? 'done' : undefined}>
      <h3>
        {title}
        {done && <span class="muted"> · done</span>}
      </h3>
      <p class="muted">{children}</p>
    </li>
  );
}
