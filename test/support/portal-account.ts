import { Database, statement } from '../../src/database/database';
import { makeAccount, startGateway, type Gateway, type TestAccount } from './gateway';
import { makePortalUser, PortalClient } from './portal';
import { startReceiver, type Receiver } from './receiver';

/** A gateway with the account acme, its endpoint, and its admin signed in. */
export interface PortalAccount {
  readonly gateway: Gateway;
  readonly receiver: Receiver;
  readonly account: TestAccount;
  readonly admin: PortalClient;
  sql<T extends object>(text: string, values?: unknown[]): Promise<T[]>;
  signedIn(email: string): Promise<PortalClient>;
  /** As if nothing had been sent, tried or logged yet. */
  reset(): Promise<void>;
  close(): Promise<void>;
}

export async function openPortalAccount(env: Record<string, string>): Promise<PortalAccount> {
  const gateway = await startGateway({ env });
  const receiver: Receiver = await startReceiver(() => account.outgoingSecret);
  const account = await makeAccount(gateway, 'acme', receiver.url, ['client-of-acme']);
  await makePortalUser(gateway, 'acme', 'admin@acme.example');
  const sql = <T extends object>(text: string, values: unknown[] = []): Promise<T[]> =>
    gateway.app.get(Database).query<T>(statement('', text), values);
  const signedIn = async (email: string): Promise<PortalClient> => {
    const client = new PortalClient(gateway.origin);
    await client.signIn(email);
    await sql('delete from portal_throttle');
    return client;
  };
  return {
    ...{ gateway, receiver, account, sql, signedIn },
    admin: await signedIn('admin@acme.example'),
    async reset() {
      receiver.script = () => 200;
      receiver.deliveries.length = 0;
      await sql('truncate portal_throttle, delivery_attempt');
      await sql('update endpoint set url = $1, disabled_at = null, disabled_reason = null', [receiver.url]);
    },
    async close() {
      await gateway.close();
      await receiver.close();
    },
  };
}

/** The words of a page, as they are read. */
export function wordsOf(html: string): string {
  return unescaped(html.replace(/<[^>]+>/g, ''));
}

export function unescaped(html: string): string {
  return html.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"').replaceAll('&amp;', '&');
}
