import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync } from 'node:fs';
import { readFile, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, type QueryResultRow } from 'pg';
import { until } from './until';

const PROJECT = join(__dirname, '..', '..');

/** A real process that uses the embedded server of a data directory. */
export interface User {
  readonly process: ChildProcess;
  readonly url: string;
  /** How long its start took. */
  readonly ms: number;
  /** Whether SIGINT has reached it. */
  interrupted(): boolean;
  close(): Promise<void>;
  kill(): Promise<void>;
}

const living = new Set<ChildProcess>();
const directories = new Set<string>();

/** A directory that every account may pass, as an embedded server of root needs it. */
export async function makeDirectory(): Promise<string> {
  const directory = await realpath(mkdtempSync(join(tmpdir(), 'gateway-test-')));
  directories.add(directory);
  chmodSync(directory, 0o755);
  return directory;
}

/** @param project another copy of the source than this one. */
export function spawnUser(dataDir: string, project = PROJECT): ChildProcess {
  const support = join(project, 'test', 'support');
  const args = ['--require', join(support, 'register-swc.cjs'), join(support, 'embedded-user.ts'), dataDir];
  // Detached: a group of its own stands for a terminal, whose Ctrl-C reaches the whole group.
  const child = spawn(process.execPath, args, { stdio: 'pipe', detached: true });
  living.add(child);
  child.once('exit', () => living.delete(child));
  return child;
}

export async function startUser(dataDir: string, project = PROJECT): Promise<User> {
  const child = spawnUser(dataDir, project);
  let [said, complained] = ['', ''];
  child.stdout?.on('data', (chunk: Buffer) => (said += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (complained += chunk.toString()));
  await until('a user to have its server', () => said.includes('\n') || hasEnded(child));
  if (!said.includes('\n')) throw new Error(complained);
  const { url, ms } = JSON.parse(said.split('\n')[0] ?? '') as { url: string; ms: number };
  const ended = () => until('a user to end', () => hasEnded(child));
  return {
    process: child,
    url,
    ms,
    interrupted: () => said.includes('interrupted'),
    async close() {
      child.stdin?.write('close\n');
      await ended();
      if (child.exitCode !== 0) throw new Error(complained || 'killed');
    },
    async kill() {
      child.kill('SIGKILL');
      await ended();
    },
  };
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/** Ends every user and every server that a test left, and removes its directories. */
export async function cleanUp(): Promise<void> {
  for (const child of living) child.kill('SIGKILL');
  await until('the users to end', () => living.size === 0);
  for (const directory of directories) {
    const pid = await postmasterPid(join(directory, 'data'));
    if (pid && (await isRunning(pid, directory))) process.kill(pid, 'SIGKILL');
    await until('a server to end', async () => !pid || !(await isRunning(pid, directory)));
    await rm(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
  directories.clear();
}

export function clusterData(dataDir: string): string {
  return join(dataDir, 'postgres', 'cluster', 'data');
}

export async function postmasterPid(dataDir: string): Promise<number | undefined> {
  const text = await readFile(join(clusterData(dataDir), 'postmaster.pid'), 'utf8').catch(() => '');
  return Number(text.split('\n')[0]) || undefined;
}

/** Whether the process lives and is no zombie (which nobody may reap in a container) and has `text` in its arguments. */
export async function isRunning(pid: number, text: string): Promise<boolean> {
  if (process.platform === 'linux') {
    return (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).includes(text);
  }
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

export async function query<T extends QueryResultRow>(url: string, sql: string): Promise<T[]> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<T>(sql)).rows;
  } finally {
    await client.end();
  }
}
