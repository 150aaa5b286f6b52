import type { ComponentChildren, VNode } from 'preact';
import { assetUrl } from './assets';
import { Form, Icon, Notice, Toggle } from './elements';
import { flashOf } from './flashes';
import { NAV } from './nav';
import { useScene } from './scene';

interface PageProps {
  readonly title: string;
  /** One plain sentence below the title. */
  readonly lead?: ComponentChildren;
  /** Beside the title: what one mostly does here. */
  readonly actions?: ComponentChildren;
  readonly children: ComponentChildren;
}

/** A page for somebody who is signed in: sidebar, title, content. */
export function Page({ title, lead, actions, children }: PageProps): VNode {
  const { visitor } = useScene();
  const flash = flashOf(visitor?.flash);
  return (
    <Document title={title}>
      <a class="skip" href="#content">
        Skip to content
      </a>
      <div class="shell">
        <Sidebar />
        <main id="content" class="content" tabIndex={-1}>
          {visitor?.role === 'staff' && visitor.account !== null && <StaffBanner name={visitor.account.name} />}
          <header class="page-head">
            <div>
              <h1>{title}</h1>
              {lead !== undefined && <p class="lead">{lead}</p>}
            </div>
            {actions !== undefined && <div class="actions">{actions}</div>}
          </header>
          {visitor?.account?.enabled === false && (
            <Notice tone="warning">
              This account is disabled: its API key is refused and nothing can be changed. Ask Carv to enable it.
            </Notice>
          )}
          {flash !== null && <Notice tone={flash.tone}>{flash.text}</Notice>}
          {children}
        </main>
      </div>
    </Document>
  );
}

/** A page for somebody who is not signed in: one card in the middle. */
export function GuestPage({ title, lead, children }: Omit<PageProps, 'actions'>): VNode {
  return (
    <Document title={title}>
      <main class="guest" id="content">
        <Brand />
        <section class="card guest-card">
          <h1>{title}</h1>
          {lead !== undefined && <p class="lead">{lead}</p>}
          {children}
        </section>
      </main>
    </Document>
  );
}

function Document({ title, children }: { title: string; children: ComponentChildren }): VNode {
  const { theme } = useScene();
  return (
    <html lang="en" data-theme={theme}>
      <head>
        <meta charset="utf-8" />
        <title>{`${title} · Carv integrations`}</title>
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="robots" content="noindex" />
        <link rel="icon" type="image/svg+xml" href={assetUrl('icon.svg')} />
        <link rel="stylesheet" href={assetUrl('portal.css')} />
        <script src={assetUrl('portal.js')} defer />
      </head>
      <body>{children}</body>
    </html>
  );
}

function Brand(): VNode {
  return (
    <p class="brand">
      <span class="brand-mark" aria-hidden="true" />
      Carv integrations
    </p>
  );
}

function Sidebar(): VNode {
  const { visitor, path } = useScene();
  const current = NAV.find(({ href }) => path === href || (href !== '/portal' && path.startsWith(`${href}/`)));
  return (
    <header class="sidebar">
      <Brand />
      {visitor?.account != null && <p class="account-name">{visitor.account.name}</p>}
      {visitor?.account != null && (
        <nav aria-label="Pages" class="nav">
          <ul>
            {NAV.map((item) => (
              <li key={item.href}>
                <a href={item.href} aria-current={item === current ? 'page' : undefined}>
                  <Icon name={item.icon} />
                  {item.label}
                </a>
              </li>
            ))}
          </ul>
        </nav>
      )}
      <div class="sidebar-foot">
        <p class="signed-in" title={visitor?.email}>
          {visitor?.email}
        </p>
        <div class="sidebar-forms">
          <ThemeForm />
          <Form action="/portal/sign-out">
            <button class="link-button" type="submit">
              Sign out
            </button>
          </Form>
        </div>
      </div>
    </header>
  );
}

/** Buttons of a form, so that it needs no script; the server draws the page in the chosen colours. */
function ThemeForm(): VNode {
  const { theme, back } = useScene();
  return (
    <Form action="/portal/theme" class="theme" label="Colours">
      <input type="hidden" name="return" value={back} />
      <Toggle name="theme" value="system" pressed={theme === 'system'} label="System" />
      <Toggle name="theme" value="light" pressed={theme === 'light'} label="Light" />
      <Toggle name="theme" value="dark" pressed={theme === 'dark'} label="Dark" />
    </Form>
  );
}

function StaffBanner({ name }: { name: string }): VNode {
  return (
    <p class="staff-banner">
      You look at <strong>{name}</strong> as Carv staff. Every page you open is in its audit log.{' '}
      <a href="/portal/accounts">Choose another account</a>
    </p>
  );
}
