import { Socket } from 'node:net';
import { relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, DatabaseError } from 'pg';
import { logger } from '../observability/logger';
import { type Binaries, provideBinaries } from './postgres-binaries';
import { ensureCluster, prepareSite, readPassword, removeOldDrafts, ROLE, type Site } from './postgres-cluster';
import { choosePort, findPostmaster, launch, type Launch, stopPostmaster } from './postgres-postmaster';

const DATABASE = 'gateway';
const HOST = '127.0.0.1';
// Crash recovery after a long run on a slow disk is the one thing that may take this long.
const START_TIMEOUT_MS = 120_000;
const POLL_MS = 20;
const [RETURN_MS, LONGEST_RETURN_MS] = [500, 30_000];
/** Any number will do, so long as every release of the gateway uses this one. */
const USERS_LOCK = 7_320_552;

const DEFAULTS: Record<string, string> = {
  max_connections: '100',
  timezone: 'UTC',
  log_timezone: 'UTC',
  // Two lines every five minutes would soon be all that the log holds.
  log_checkpoints: 'off',
};

/** A PostgreSQL server of the gateway's own, possibly shared with other processes. */
export interface EmbeddedPostgres {
  /** Connection string of the `gateway` database, on loopback, with the password. */
  readonly url: string;
  /** Leaves the server, and stops it when no other process uses it. */
  close(): Promise<void>;
}

export interface EmbeddedPostgresOptions {
  /** Everything lies in its subdirectory `postgres`. */
  dataDir: string;
  /** Server settings; a server that runs already keeps those that it was started with. */
  settings?: Record<string, string>;
  onProgress?: (message: string) => void;
}

/**
 * Starts the server of `dataDir`, making its cluster first if need be, or joins it when it runs already: shared with
 * another process, or left behind by one that was killed.
 *
 * @throws Error whose message tells the operator what to do next.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { dataDir, settings = {}, onProgress = () => undefined } = options;
  const site = await prepareSite(dataDir, onProgress);
  const binaries = await provideBinaries(site.root, site.account, onProgress);
  await ensureCluster(site, binaries, onProgress);
  const server = new Server(site, binaries, await readPassword(site), { ...DEFAULTS, ...settings });
  const never = new AbortController().signal;
  const seat = await server.enter(never, () => onProgress('Starting the embedded database'));
  await removeOldDrafts(site);
  return new Membership(server, seat);
}

/** A registered user's place: a connection that holds the users' lock in share mode. */
interface Seat {
  readonly client: Client;
  readonly socket: Socket;
  readonly port: number;
}

class Server {
  constructor(
    private readonly site: Site,
    private readonly binaries: Binaries,
    private readonly password: string,
    private readonly settings: Record<string, string>,
  ) {}

  url(port: number): string {
    return `postgres://${ROLE}:${this.password}@${HOST}:${port}/${DATABASE}`;
  }

  /**
   * Takes a seat at the running server, starting one as long as none runs.
   *
   * @param port where it is to listen; any other's would be no use to those who know its address already
   * @throws when `signal` is aborted, unless a start is under way: that is awaited, so that nobody leaves it behind
   */
  async enter(signal: AbortSignal, onLaunch: () => void, port?: number): Promise<Seat> {
    const deadline = Date.now() + START_TIMEOUT_MS;
    let launched: Launch | undefined;
    let trouble = '';
    let pause = POLL_MS;
    while (true) {
      const seat = await this.takeSeat();
      if (seat) return seat;
      const exit = launched?.exit();
      if (launched && exit !== undefined) {
        if (exit !== 0) trouble = await this.explainExit(launched);
        launched = undefined;
        pause = Math.min(pause * 2, RETURN_MS);
      }
      if (!launched) signal.throwIfAborted();
      if (Date.now() > deadline) throw await this.timedOut(trouble || (await launched?.log()) || '');
      const found = await findPostmaster(this.site);
      if (!launched && !found?.ours) {
        onLaunch();
        launched = await this.launch(port ?? (await choosePort(this.site)), found?.pid);
      }
      await sleep(pause);
    }
  }

  /** @returns undefined while no server of this cluster takes connections. */
  async takeSeat(): Promise<Seat | undefined> {
    const found = await findPostmaster(this.site);
    if (!found?.ours) return undefined;
    const { port } = found;
    const socket = new Socket();
    const client = new Client({
      host: HOST,
      port,
      user: ROLE,
      password: this.password,
      // Advisory locks are counted for each database apart, so all users meet in one that nobody drops.
      database: 'postgres',
      application_name: 'gateway-user',
      ssl: false,
      connectionTimeoutMillis: 10_000,
      stream: () => socket,
    });
    client.on('error', () => undefined);
    try {
      await client.connect();
      await this.proveOurs(client);
      // Waits while the last user stops the server, and then fails with it.
      await client.query('select pg_advisory_lock_shared($1)', [USERS_LOCK]);
      await createDatabase(client);
      return { client, socket, port };
    } catch (e) {
      socket.destroy();
      // Not up yet, on its way down, full, or another server by now on the port that a dead one noted.
      if (!(e instanceof DatabaseError) || /^(57P0|53300)/.test(e.code ?? '')) return undefined;
      const advice = e.code === '28P01' ? ` Restore the password in ${this.site.password}.` : '';
      throw new Error(`The embedded database in ${this.site.data} answers: ${e.message}.${advice}`, { cause: e });
    }
  }

  stop(): Promise<void> {
    return stopPostmaster(this.site, this.binaries);
  }

  /** The port in a stale postmaster.pid may be another server's by now. */
  private async proveOurs(client: Client): Promise<void> {
    const { rows } = await client.query<{ data: string }>(`select current_setting('data_directory') as data`);
    if (relative(this.site.data, rows[0]?.data ?? '') !== '') throw new Error('another cluster');
  }

  private launch(port: number, stranger: number | undefined): Promise<Launch> {
    // Last, because these are not the caller's to choose.
    const fixed = { listen_addresses: HOST, port: String(port), unix_socket_directories: '' };
    return launch(this.site, this.binaries, { ...this.settings, ...fixed }, stranger);
  }

  /** @returns what was logged, when another attempt may succeed. */
  private async explainExit(launched: Launch): Promise<string> {
    const log = await launched.log();
    // Someone took the port meanwhile; another starter was faster; or a dead server's last child has yet to notice.
    const passing = /could not (bind|create any TCP)|postmaster\.pid" |pre-existing shared memory/;
    if (passing.test(log)) return log;
    throw new Error(
      `The embedded database does not start. Its log, ${this.site.log}, ends with:\n${log}\n` +
        'Fix what it names, move the data away to begin with an empty database, or set DATABASE_URL.',
    );
  }

  private async timedOut(log: string): Promise<Error> {
    const found = await findPostmaster(this.site);
    const who = found?.ours ? `Process ${found.pid} serves ${this.site.data} but takes no connections; stop it. ` : '';
    return new Error(
      `The embedded database did not start within ${START_TIMEOUT_MS / 1000} s. ${who}` +
        `Its log is ${this.site.log}${log && `, and ends with:\n${log}`}`,
    );
  }
}

/**
 * One process's use of the server. Users are counted by a lock in the server itself: each holds it in share mode on a
 * connection of its own, which ends with the process however that dies, and whoever gets it exclusively was the last.
 * While the last one holds it nobody can enter, so nobody is ever cut off by it. Files with pids need repair instead.
 */
class Membership implements EmbeddedPostgres {
  readonly url: string;
  private seat: Seat | undefined;
  private returning: Promise<void> | undefined;
  private readonly leaving = new AbortController();
  private closing: Promise<void> | undefined;

  constructor(
    private readonly server: Server,
    seat: Seat,
  ) {
    this.url = server.url(seat.port);
    this.sit(seat);
  }

  close(): Promise<void> {
    return (this.closing ??= this.leave());
  }

  /** The seat alone must not keep the process from ending. */
  private sit(seat: Seat): void {
    this.seat = seat;
    seat.socket.unref();
    seat.client.once('end', () => {
      this.seat = undefined;
      this.returning = this.comeBack(seat.port);
    });
  }

  /**
   * PostgreSQL ends all connections when one of its processes crashes, and then goes on. When it was killed as a whole, its
   * users start it again: all of them try, and as at any start one of them succeeds.
   */
  private async comeBack(port: number): Promise<void> {
    const { signal } = this.leaving;
    const tell = () => logger.warn('embedded_database.restarting');
    for (let pause = RETURN_MS; !signal.aborted; pause = Math.min(pause * 2, LONGEST_RETURN_MS)) {
      const seat = await sleep(pause, undefined, { ref: false, signal })
        .then(() => this.server.enter(signal, tell, port))
        .catch((error: unknown) => {
          if (!signal.aborted) logger.error({ err: error }, 'embedded_database.not_restarted');
        });
      if (!seat) continue;
      this.sit(seat);
      return;
    }
  }

  private async leave(): Promise<void> {
    this.leaving.abort();
    await this.returning;
    const seat = this.seat ?? (await this.server.takeSeat());
    // Nobody answers: there is nothing to stop.
    if (!seat) return;
    seat.socket.ref();
    try {
      if (await isLastUser(seat.client)) await this.server.stop();
    } finally {
      seat.socket.destroy();
    }
  }
}

/** Gives up the lock first: of users that leave at once, the last to do so then gets it, and only one can. */
async function isLastUser(client: Client): Promise<boolean> {
  try {
    await client.query('select pg_advisory_unlock_shared($1)', [USERS_LOCK]);
    const { rows } = await client.query<{ last: boolean }>('select pg_try_advisory_lock($1) as last', [USERS_LOCK]);
    return rows[0]?.last === true;
  } catch {
    return false; // The server went away by itself.
  }
}

async function createDatabase(client: Client): Promise<void> {
  const { rowCount } = await client.query('select from pg_database where datname = $1', [DATABASE]);
  if (rowCount) return;
  await client.query(`create database ${DATABASE}`).catch((e: unknown) => {
    // Another starter was faster: 42P04 when it has finished, 23505 when both were at it.
    const { code } = e as DatabaseError;
    if (code !== '42P04' && code !== '23505') throw e;
  });
}
