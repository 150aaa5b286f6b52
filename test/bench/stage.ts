import { join } from 'node:path';
import { build } from '../support/gateway-process';
import { atsIds, ENCRYPTION_KEY, HANGING, makeAccounts, outgoingSecret } from './accounts';
import type { BenchDatabase, BenchServer } from './bench-database';
import { startPeer, type Peer } from './peer';
import type { LoadOptions, LoadReport } from './peers/load';
import { REGISTER, startProgram, type Program } from './program';

/** How many accounts there are unless a trial says otherwise. */
export const ACCOUNTS = 100;
const RELAY_MS = 10;
/** Those of `npm start`. */
const V8_FLAGS = ['--max-semi-space-size=64', '--heap-growing-percent=100'];

/** What arrived at the receiver. */
export interface Arrivals {
  /** The flow and when, by the clock that all processes share. */
  readonly arrivals: [referenceId: string, at: number][];
  readonly duplicates: string[];
  readonly unverified: number;
}

/** Everything that one trial brings up; all of it is taken down again when the trial is over. */
export class Stage {
  private readonly disposals: (() => Promise<unknown>)[] = [];
  private readonly checks: (() => Promise<unknown>)[] = [];
  private shared: Promise<Receiver> | undefined;
  private generator: Peer | undefined;

  constructor(private readonly server: BenchServer) {}

  /** A database with the gateway's tables and accounts. */
  async database(accounts = ACCOUNTS): Promise<BenchDatabase> {
    const database = this.track(await this.server.database());
    const { origin } = await this.receiver();
    await makeAccounts(database, [...atsIds(accounts), HANGING], origin);
    return database;
  }

  /** A database for a peer that brings its own tables. */
  async emptyDatabase(): Promise<BenchDatabase> {
    return this.track(await this.server.database(false));
  }

  /**
   * The real build as a real process, logging as in production.
   *
   * @param change a file of `peers` that changes the build before it starts, and the database of its own that it is told
   */
  async gateway(
    database: BenchDatabase,
    role: 'api' | 'worker' | 'all',
    { preload, databaseUrl = '' }: { preload?: string; databaseUrl?: string } = {},
  ): Promise<Program> {
    const built = await build();
    const change = preload === undefined ? [] : ['--require', join(__dirname, 'peers', `${preload}.ts`)];
    return this.program([...V8_FLAGS, '--require', REGISTER, ...change, join(built, 'src', 'main.js')], {
      NODE_ENV: 'test',
      // In tests `info` means silence.
      LOG_LEVEL: 'debug',
      ROLE: role,
      DATABASE_URL: database.url,
      MIGRATE_ON_START: 'false',
      ENCRYPTION_KEY,
      BENCH_BUILD: built,
      BENCH_DATABASE_URL: databaseUrl,
    });
  }

  /** A server of `peers`. */
  app(name: string, settings: Record<string, string> = {}): Promise<Program> {
    return this.program(['--require', REGISTER, join(__dirname, 'peers', `${name}.ts`)], settings, '/');
  }

  peer(name: string): Peer {
    const peer = startPeer(name);
    this.disposals.push(() => peer.end());
    return peer;
  }

  receiver(): Promise<Receiver> {
    return (this.shared ??= Receiver.start(this.peer('receiver')));
  }

  /** Runs the load generator. @throws Error when anything was answered but 202 */
  async load(options: LoadOptions): Promise<LoadReport> {
    this.generator ??= this.peer('load');
    const generator = this.generator;
    const relay = options.window === undefined ? undefined : await this.relay(generator);
    try {
      const report = await generator.call<LoadReport>('run', options);
      const refused = Object.entries(report.refused);
      if (refused.length > 0) throw new Error(`The run is void: ${JSON.stringify(refused)}`);
      return report;
    } finally {
      clearInterval(relay);
    }
  }

  /** @param check is called after the last round, and throws when what was counted is not true */
  onCheck(check: () => Promise<unknown>): void {
    this.checks.push(check);
  }

  async check(): Promise<void> {
    for (const check of this.checks) await check();
  }

  /** @param dispose is called when the trial is over, before what was brought up earlier is taken down */
  onEnd(dispose: () => Promise<unknown>): void {
    this.disposals.push(dispose);
  }

  async strike(): Promise<void> {
    for (const dispose of this.disposals.splice(0).reverse()) await dispose();
  }

  /** Tells the generator how many of its flows have arrived. */
  private async relay(generator: Peer): Promise<NodeJS.Timeout> {
    const receiver = await this.receiver();
    const tell = async (): Promise<void> => generator.call('delivered', await receiver.count());
    await tell();
    return setInterval(() => void tell().catch(() => undefined), RELAY_MS);
  }

  private async program(args: string[], settings: Record<string, string>, ready?: string): Promise<Program> {
    const program = await startProgram(args, settings, ready);
    this.disposals.push(() => program.stop());
    return program;
  }

  private track(database: BenchDatabase): BenchDatabase {
    this.disposals.push(() => database.drop());
    return database;
  }
}

/** The receiver of all deliveries, in a process of its own. */
export class Receiver {
  private constructor(
    private readonly peer: Peer,
    readonly origin: string,
  ) {}

  static async start(peer: Peer): Promise<Receiver> {
    const port = await peer.call<number>('listen');
    await peer.call('know', Object.fromEntries(atsIds(1000).map((atsId) => [atsId, outgoingSecret(atsId)])));
    return new Receiver(peer, `http://127.0.0.1:${port}`);
  }

  reset(): Promise<void> {
    return this.peer.call('reset');
  }

  count(): Promise<number> {
    return this.peer.call('count');
  }

  /** Waits for so many flows; resolves to when the last one arrived. */
  reach(count: number): Promise<number> {
    return this.peer.call('reach', count);
  }

  report(): Promise<Arrivals> {
    return this.peer.call('report');
  }

  /** @throws Error unless each of these flows, and no other, has arrived exactly once with a valid signature */
  async verify(acknowledged: readonly string[]): Promise<Arrivals> {
    await this.reach(acknowledged.length);
    const report = await this.report();
    const known = new Set(acknowledged);
    const arrived = new Set(report.arrivals.map(([id]) => id));
    const faults = {
      missing: acknowledged.filter((id) => !arrived.has(id)).length,
      unknown: report.arrivals.filter(([id]) => !known.has(id)).length,
      duplicates: report.duplicates.length,
      unverified: report.unverified,
      acknowledgedTwice: acknowledged.length - known.size,
    };
    if (Object.values(faults).some((count) => count > 0)) throw new Error(`The run is void: ${JSON.stringify(faults)}`);
    return report;
  }
}
