import { query } from './embedded-server';
import { call, makeAccount, startGateway, type TestAccount } from './gateway';
import { killProcesses, startGatewayProcess, type GatewayProcess, type Settings } from './gateway-process';
import { Load, tally, untilNoneLeft, type Tally, type Target } from './load';
import { createDatabase } from './postgres';
import { startReceiverProcess, type ReceiverProcess } from './receiver-process';

/**
 * Short, because a lease that somebody's end leaves behind lasts 10 s longer than an attempt; and patient with a slow
 * machine.
 */
const SETTINGS = { DELIVERY_TIMEOUT_MS: '1500', DELIVERY_RETRY_SCHEDULE: Array(40).fill('1').join() };
const CLIENTS = 6;

export interface SceneOptions {
  /** Of a server of the test's own; else the scene has a database of its own on the shared one. */
  readonly databaseUrl?: string;
  readonly accounts?: readonly string[];
  readonly workspaces?: readonly string[];
}

/** A database with accounts, a receiver for all of them, gateways in processes of their own, and a load upon them. */
export class Scene {
  readonly gateways: GatewayProcess[] = [];
  private readonly loads: Load[] = [];

  private constructor(
    readonly databaseUrl: string,
    readonly receiver: ReceiverProcess,
    readonly accounts: readonly TestAccount[],
    readonly targets: readonly Target[],
    private readonly drop: () => Promise<void>,
  ) {}

  static async open(options: SceneOptions = {}): Promise<Scene> {
    const { accounts: names = ['acme', 'globex'], workspaces = ['client-1', 'client-2'] } = options;
    const own = options.databaseUrl === undefined ? await createDatabase() : undefined;
    const databaseUrl = options.databaseUrl ?? own?.url ?? '';
    const receiver = await startReceiverProcess();
    const gateway = await startGateway({ databaseUrl, env: { ROLE: 'api' } });
    const accounts: TestAccount[] = [];
    for (const atsId of names) {
      const account = await makeAccount(gateway, atsId, receiver.url(atsId), workspaces);
      await receiver.know(atsId, account.outgoingSecret);
      accounts.push(account);
    }
    await gateway.close();
    const targets = accounts.flatMap((account) => workspaces.map((clientId) => ({ account, clientId })));
    return new Scene(databaseUrl, receiver, accounts, targets, async () => own?.drop());
  }

  /** Call it whatever happened. */
  async close(): Promise<void> {
    for (const load of this.loads) load.abandon();
    await killProcesses();
    await this.receiver.close();
    await this.drop();
  }

  async start(role: string, settings: Settings = {}): Promise<GatewayProcess> {
    const gateway = await startGatewayProcess({ ...SETTINGS, DATABASE_URL: this.databaseUrl, ROLE: role, ...settings });
    this.gateways.push(gateway);
    return gateway;
  }

  startLoad(origin: () => string, clients = CLIENTS, targets = this.targets): Load {
    const load = new Load(origin, targets, clients);
    this.loads.push(load);
    return load;
  }

  /** What the gateways logged, all of them. */
  logged(message: string): Record<string, unknown>[] {
    return this.gateways.flatMap(({ lines }) => lines.filter((line) => line.msg === message));
  }

  sql<T extends object>(text: string): Promise<T[]> {
    return query<T>(this.databaseUrl, text);
  }

  async count(table: string): Promise<number> {
    return (await this.sql<{ n: number }>(`select count(*)::int as n from ${table}`))[0]!.n;
  }

  async queuesToBeEmpty(): Promise<void> {
    await untilNoneLeft('writes to be processed', () => this.count('inbox_message'));
    await untilNoneLeft('results to be delivered', () => this.count('outbox_message'));
  }

  /** Ends the load and lets everything that was accepted arrive. */
  async settle(load: Load): Promise<Tally> {
    await load.stop();
    await this.queuesToBeEmpty();
    return tally(load.acknowledged, this.receiver.arrivals());
  }

  /** Each acknowledged write is one flow with one result, which arrived as it should. */
  async expectKept(load: Load, result: Tally): Promise<void> {
    const total = load.acknowledged.length;
    expect(result).toMatchObject({ missing: 0, outOfOrder: 0, unknown: 0, unverified: 0, errors: 0, changed: 0 });
    expect(result).toMatchObject({ acknowledged: total, delivered: total });
    expect(await this.count('flow')).toBe(total);
    expect(await this.count('result_event')).toBe(total);
    expect(await this.count('dead_message')).toBe(0);
  }

  /** What is stored is what was acknowledged last. */
  async expectLastWrites({ acknowledged }: Load, gateway: Pick<GatewayProcess, 'origin'>): Promise<void> {
    const last = new Map(acknowledged.map((w) => [`${w.clientId} ${w.account.atsId} ${w.candidateId}`, w]));
    for (const { account, clientId, candidateId, sequence } of last.values()) {
      const { body } = await call(gateway, account, `/v1/candidates/${candidateId}`, { clientId });
      expect(body).toMatchObject({ candidate_id: candidateId, custom_fields: { sequence } });
    }
  }
}
