import { Passwords } from '../../src/accounts/passwords.service';
import { newPortalUser, savePortalUser, type PortalRole } from '../../src/accounts/portal-user';
import { Database } from '../../src/database/database';
import type { Gateway } from './gateway';

export const PASSWORD = 'correct horse battery';

/** Somebody who may sign in, with `PASSWORD`. */
export async function makePortalUser(
  { app }: Gateway,
  atsId: string | null,
  email: string,
  role: PortalRole = 'admin',
) {
  const { user } = await newPortalUser(app.get(Passwords), email, role, PASSWORD);
  await savePortalUser(app.get(Database).source.manager, atsId, user);
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly location: string | null;
}

/** What a browser does for the portal, and a test may leave out: it keeps cookies, and sends a form's token and origin. */
export class PortalClient {
  readonly cookies = new Map<string, string>();

  constructor(
    private readonly origin: string,
    /** Of a proxy's client, for tests that trust one. */
    private readonly address?: string,
  ) {}

  async get(path: string): Promise<Answer> {
    return this.request(path, { method: 'GET' });
  }

  /** Posts to `path`, with the token of the form on the page `from`. */
  async post(path: string, fields: Record<string, string> = {}, from = '/portal/sign-in'): Promise<Answer> {
    return this.postRaw(path, { csrf: tokenOf((await this.get(from)).text), ...fields });
  }

  /** Posts just these fields. */
  async postRaw(path: string, fields: Record<string, string>, headers: Record<string, string> = {}): Promise<Answer> {
    return this.request(path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded', Origin: this.origin, ...headers },
      body: new URLSearchParams(fields).toString(),
    });
  }

  async signIn(email: string, password = PASSWORD): Promise<Answer> {
    return this.post('/portal/sign-in', { email, password });
  }

  private async request(
    path: string,
    init: { method: string; headers?: Record<string, string>; body?: string },
  ): Promise<Answer> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await fetch(this.origin + path, {
      ...init,
      redirect: 'manual',
      headers: {
        ...init.headers,
        ...(cookie !== '' && { Cookie: cookie }),
        ...(this.address !== undefined && { 'X-Forwarded-For': this.address }),
      },
    });
    for (const line of response.headers.getSetCookie()) this.keep(line);
    const { status, headers } = response;
    return { status, headers, text: await response.text(), location: headers.get('location') };
  }

  private keep(line: string): void {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
    if (value === '') this.cookies.delete(name);
    else this.cookies.set(name, value);
  }
}

export function tokenOf(html: string): string {
  return /name="csrf" value="([^"]*)"/.exec(html)?.[1] ?? '';
}
