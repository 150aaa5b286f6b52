import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { migrateUp } from '../../src/database/migrate';
import { clusterData, isRunning, makeDirectory, postmasterPid, query, startUser } from './embedded-server';
import { databaseUrl } from './postgres';
import { until } from './until';

const run = promisify(execFile);

/** A PostgreSQL server that a test may stop, freeze and make a standby of; cleanUp() of embedded-server.ts ends it. */
export class OwnServer {
  private databases = 0;

  private constructor(
    private readonly dataDir: string,
    private readonly url: string,
  ) {}

  static async start(): Promise<OwnServer> {
    const dataDir = join(await makeDirectory(), 'data');
    return new OwnServer(dataDir, await launch(dataDir));
  }

  /** With every migration applied. */
  async createDatabase(): Promise<string> {
    const name = `fault_${++this.databases}`;
    await query(this.url, `create database ${name}`);
    const url = databaseUrl(this.url, name);
    await migrateUp(url);
    return url;
  }

  /** SIGINT ends every session and stops in order; SIGKILL leaves the rest to recovery. */
  async stop(signal: 'SIGINT' | 'SIGKILL'): Promise<void> {
    const pid = await this.pid();
    const sessions = await childrenOf(pid);
    process.kill(pid, signal);
    for (const each of [pid, ...sessions]) await until('the server to end', () => !isAlive(each));
  }

  /** On the same port; resolves when it takes connections. */
  async startAgain(): Promise<void> {
    const url = await launch(this.dataDir);
    if (url !== this.url) throw new Error('The server found its port taken');
  }

  /** Stopped, it becomes a standby at its next start: it answers, and refuses to write. */
  async becomeStandby(): Promise<void> {
    await writeFile(join(clusterData(this.dataDir), 'standby.signal'), '');
  }

  async promote(): Promise<void> {
    await query(this.url, 'select pg_promote()');
  }

  /** Every process stands still, its sockets open. */
  async freeze(): Promise<void> {
    const pid = await this.pid();
    process.kill(pid, 'SIGSTOP');
    for (const child of await childrenOf(pid)) signal(child, 'SIGSTOP');
  }

  async thaw(): Promise<void> {
    const pid = await this.pid();
    for (const each of [...(await childrenOf(pid)), pid]) signal(each, 'SIGCONT');
  }

  private async pid(): Promise<number> {
    const pid = await postmasterPid(this.dataDir);
    if (!pid || !(await isRunning(pid, this.dataDir))) throw new Error('No server');
    return pid;
  }
}

/** Starts the server and leaves it to itself. */
async function launch(dataDir: string): Promise<string> {
  const user = await startUser(dataDir);
  await user.kill();
  return user.url;
}

async function childrenOf(pid: number): Promise<number[]> {
  const { stdout } = await run('ps', ['-A', '-o', 'pid=,ppid=']);
  const pairs = stdout.split('\n').map((line) => line.trim().split(/\s+/).map(Number));
  return pairs.flatMap(([child, parent]) => (child !== undefined && parent === pid ? [child] : []));
}

function isAlive(pid: number): boolean {
  return signal(pid, 0);
}

function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}
