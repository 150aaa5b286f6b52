import { type ChildProcess, execFile, spawn, type SpawnOptions } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { open, readFile, readdir, rename, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { giveTo, runAs } from './postgres-account';
import { type Binaries, complaint, programEnv } from './postgres-binaries';
import { isAlive, type Site } from './postgres-cluster';

const run = promisify(execFile);
const STOP_TIMEOUT_MS = 120_000;
const STOP_POLL_MS = 20;
const LOG_LIMIT_BYTES = 1_000_000;
const TAIL_LINES = 20;
const { O_WRONLY, O_APPEND, O_CREAT } = constants;
// Not through a link: root may be at work in another user's directory, and gives the file away. Windows has no such flag.
const LOG_FLAGS = O_WRONLY | O_APPEND | O_CREAT | (process.platform === 'win32' ? 0 : constants.O_NOFOLLOW);

/** What postmaster.pid says, and whether the process of that number is the server of this cluster. */
export interface Postmaster {
  readonly pid: number;
  readonly port: number;
  readonly ours: boolean;
}

/** @returns undefined when no process of the number in postmaster.pid lives, or the file is missing or half written. */
export async function findPostmaster(site: Site): Promise<Postmaster | undefined> {
  const lines = (await readFile(join(site.data, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n');
  const [pid, port] = [Number(lines[0]), Number(lines[3])];
  if (!pid || !port || !isAlive(pid)) return undefined;
  return { pid, port, ours: await serves(pid, site.data) };
}

/**
 * After a crash the number may belong to anything. A server of ours has its data directory among its arguments; unlike
 * its working directory these may be read of another user's process, also in a container without CAP_SYS_PTRACE.
 */
async function serves(pid: number, data: string): Promise<boolean> {
  if (process.platform === 'linux') {
    const args = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    return args.split('\0').includes(data);
  }
  if (process.platform === 'win32') {
    // No cheap way to the arguments, but every PostgreSQL process listens on a pipe of this name.
    const pipe = `pgsignal_${pid}`;
    return (await readdir('\\\\.\\pipe\\').catch(() => [pipe])).includes(pipe);
  }
  const { stdout } = await run('ps', ['-ww', '-o', 'args=', '-p', String(pid)]).catch(() => ({ stdout: '' }));
  return stdout.includes(data);
}

/** A server being started by this process. */
export interface Launch {
  /** The exit code once it has ended: of the server, or on Windows of pg_ctl, where 0 means that the server runs. */
  exit(): number | undefined;
  /** What was logged since the launch. */
  log(): Promise<string>;
}

/**
 * Starts the server in a session of its own, so that Ctrl-C reaches only the gateway, which stops it when drained.
 * PostgreSQL itself lets only one server open a cluster, so racing launches are safe: the others exit.
 *
 * @param stranger the living process whose number a stale postmaster.pid bears.
 */
export async function launch(
  site: Site,
  binaries: Binaries,
  settings: Record<string, string>,
  stranger: number | undefined,
): Promise<Launch> {
  const from = await prepareLog(site);
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  // PostgreSQL would take the stranger for a server and refuse to start. This is its own variable for a number that is
  // known not to be one; all its other checks stay, the one for shared memory that is still attached above all.
  const env = programEnv(stranger === undefined ? {} : { PG_GRANDPARENT_PID: String(stranger) });
  const options = { ...runAs(site.account), cwd: dirname(binaries.postgres), env, windowsHide: true, detached: true };
  const child = spawnServer(site, binaries, flags, options);
  child.unref();
  let code: number | undefined;
  child.once('error', () => (code = -1));
  child.once('exit', (exitCode) => (code = exitCode ?? -1));
  return { exit: () => code, log: () => readLog(site.log, from) };
}

// Directly where possible: pg_ctl puts paths through a shell and sets PG_GRANDPARENT_PID itself. But on Windows only
// pg_ctl can drop an administrator's rights, with which PostgreSQL refuses to run.
function spawnServer(site: Site, binaries: Binaries, flags: string[], options: SpawnOptions): ChildProcess {
  if (process.platform === 'win32') {
    const args = ['start', '-w', '-D', site.data, '-l', site.log, '-o', quote(flags)];
    return spawn(binaries.pgCtl, args, { ...options, stdio: 'ignore' });
  }
  const log = openSync(site.log, LOG_FLAGS);
  try {
    return spawn(binaries.postgres, ['-D', site.data, ...flags], { ...options, stdio: ['ignore', log, log] });
  } finally {
    closeSync(log);
  }
}

function quote(flags: string[]): string {
  return flags.map((flag) => (flag === '-c' ? flag : `"${flag}"`)).join(' ');
}

/** Stops the server without waiting for its clients to leave; what was committed is on disk already. */
export async function stopPostmaster(site: Site, binaries: Binaries): Promise<void> {
  const running = async () => {
    const found = await findPostmaster(site);
    return found?.ours ? found.pid : undefined;
  };
  const pid = await running();
  const args = ['stop', '-D', site.data, '-m', 'fast', '-W'];
  const options = { ...runAs(site.account), cwd: dirname(binaries.pgCtl), env: programEnv(), windowsHide: true };
  const failed = (why: string) => new Error(`The embedded database did not stop: ${why} Its log is ${site.log}.`);
  await run(binaries.pgCtl, args, options).catch((e: unknown) => {
    throw failed(complaint(e));
  });
  // Not with pg_ctl, which would wait as well for the end of a server that somebody has started since.
  const deadline = Date.now() + STOP_TIMEOUT_MS;
  while (pid !== undefined && (await running()) === pid) {
    if (Date.now() > deadline) throw failed(`process ${pid} is still at it.`);
    await sleep(STOP_POLL_MS);
  }
}

/** The port of the last run, so that other tools' connection settings stay good, or any other when it is taken. */
export async function choosePort(site: Site): Promise<number> {
  const options = await readFile(join(site.data, 'postmaster.opts'), 'utf8').catch(() => '');
  const last = Number(/\bport=(\d+)/.exec(options)?.[1] ?? 0);
  return (await listenOnce(last)) ?? (await listenOnce(0)) ?? 0;
}

function listenOnce(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : undefined));
    });
  });
}

/** @returns the offset at which the coming run's messages begin. */
async function prepareLog(site: Site): Promise<number> {
  const { size } = await stat(site.log).catch(() => ({ size: 0 }));
  // Windows refuses while a server has the file open; then it grows until the next start.
  if (size > LOG_LIMIT_BYTES) await rename(site.log, `${site.log}.1`).catch(() => undefined);
  const log = await open(site.log, LOG_FLAGS, 0o600);
  try {
    await giveTo(site.account, log);
    return (await log.stat()).size;
  } finally {
    await log.close();
  }
}

async function readLog(path: string, from: number): Promise<string> {
  const file = await open(path, 'r').catch(() => undefined);
  if (!file) return '';
  try {
    const { size } = await file.stat();
    const length = Math.min(Math.max(0, size - from), 65_536);
    const { buffer } = await file.read(Buffer.alloc(length), 0, length, size - length);
    return buffer.toString('utf8').trim().split('\n').slice(-TAIL_LINES).join('\n');
  } finally {
    await file.close();
  }
}
