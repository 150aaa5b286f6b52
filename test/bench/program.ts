import { type ChildProcess, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Lets plain Node run TypeScript. */
export const REGISTER = join(__dirname, '..', 'support', 'register-swc.cjs');
const START_TIMEOUT_MS = 60_000;
const INHERITED = ['PATH', 'HOME', 'TMPDIR'] as const;

/** An HTTP server in a process of its own. */
export interface Program {
  readonly pid: number;
  readonly origin: string;
  /** Its resident memory in bytes. */
  memory(): Promise<number>;
  stop(): Promise<void>;
}

/** Starts `node <args>` with a `PORT` and waits until `ready` answers 200. It writes its log, which nobody reads. */
export async function startProgram(
  args: readonly string[],
  settings: Readonly<Record<string, string>>,
  ready = '/health/ready',
): Promise<Program> {
  const port = await freePort();
  const inherited = Object.fromEntries(INHERITED.map((name) => [name, process.env[name]]));
  const env = { ...inherited, HOST: '127.0.0.1', PORT: String(port), ...settings };
  const child = spawn(process.execPath, [...profiling(), ...args], { env, stdio: ['ignore', 'ignore', 'pipe'] });
  // Nothing outlives the benchmark, however that ends.
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  child.once('exit', () => process.off('exit', kill));
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaint = (complaint + text).slice(-4000)));
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const origin = `http://127.0.0.1:${port}`;
  await untilReady(child, origin + ready, () => complaint);
  return {
    pid: child.pid!,
    origin,
    memory: () => residentMemory(child.pid!),
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

async function untilReady(child: ChildProcess, url: string, complaint: () => string): Promise<void> {
  for (const deadline = Date.now() + START_TIMEOUT_MS; ;) {
    const answer = await fetch(url).catch(() => undefined);
    if (answer?.ok) return;
    if (child.exitCode !== null || Date.now() > deadline) {
      child.kill('SIGKILL');
      throw new Error(`${child.spawnargs.join(' ')} did not become ready:\n${complaint()}`);
    }
    await sleep(20);
  }
}

/** With `BENCH_CPU_PROF=<directory>` each program leaves a profile there when it ends. */
function profiling(): string[] {
  const directory = process.env.BENCH_CPU_PROF;
  return directory === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${directory}`];
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));
  return port;
}

async function residentMemory(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}
