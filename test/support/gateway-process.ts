import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { until } from './until';

const run = promisify(execFile);
const PROJECT = join(__dirname, '..', '..');
const START = join(PROJECT, 'start.mjs');
/** None of the tester's own settings reach a process under test. */
const INHERITED = ['PATH', 'HOME', 'TMPDIR', 'TEMP', 'SystemRoot'] as const;

export type Settings = Readonly<Record<string, string>>;

export interface LogLine {
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** A program of the gateway's, in a process group of its own as a shell starts it. */
export interface Program {
  readonly pid: number;
  readonly stdout: string;
  readonly stderr: string;
  /** What it logged as JSON. */
  readonly lines: readonly LogLine[];
  readonly hasEnded: boolean;
  /** To the whole group, as a terminal sends it. */
  signal(signal: NodeJS.Signals): void;
  /** Its exit code, null when a signal ended it; waits until nothing holds its output any more. */
  ended(): Promise<number | null>;
}

/** A gateway that is ready. */
export interface GatewayProcess extends Program {
  readonly port: number;
  readonly origin: string;
  /** Ends the whole group at once, leaving it no time for anything. */
  kill9(): Promise<void>;
  /** @returns the exit code */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

const living = new Set<ChildProcess>();
let built: Promise<string> | undefined;

/** Where the build of the present source lies; makes it first if need be. */
export function build(): Promise<string> {
  return (built ??= run(process.execPath, [START, '--build-only']).then(({ stdout }) => stdout.trim()));
}

/** Runs `node start.mjs <args>` as `npm start` and `npm run cli` do. */
export function spawnStart(args: readonly string[], settings: Settings): Program {
  return spawnProgram([START, ...args], settings);
}

export async function runToEnd(program: Program): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const code = await program.ended();
  return { code, stdout: program.stdout, stderr: program.stderr };
}

/** Starts a gateway with a log of every line on standard output, and waits until it is ready. */
export async function startGatewayProcess(settings: Settings): Promise<GatewayProcess> {
  const main = join(await build(), 'src', 'main.js');
  const defaults = {
    NODE_ENV: 'test',
    LOG_LEVEL: 'debug',
    PORT: '0',
    DATABASE_POOL_SIZE: '8',
    ENCRYPTION_KEY: '07'.repeat(32),
  };
  return whenReady(spawnProgram([main], { ...defaults, ...settings }));
}

/** @throws Error with what the program said when it ends instead. */
export async function whenReady(program: Program): Promise<GatewayProcess> {
  const ready = () => /^.*gateway\.ready.*$/m.exec(program.stdout)?.[0];
  await until('a gateway to be ready', () => ready() !== undefined || program.hasEnded);
  const port = Number(/"port":(\d+)/.exec(ready() ?? '')?.[1]);
  if (!port) throw new Error(`The gateway ended: ${program.stdout}\n${program.stderr}`);
  const stop = (signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> => {
    program.signal(signal);
    return program.ended();
  };
  // Its properties are read as they are at that moment, hence no copy.
  return Object.assign(Object.create(program) as Program, {
    port,
    origin: `http://127.0.0.1:${port}`,
    stop,
    async kill9() {
      await stop('SIGKILL');
    },
  });
}

/** Kills what a test has left running. */
export async function killProcesses(): Promise<void> {
  for (const child of living) signalGroup(child, 'SIGKILL');
  await until('the processes to end', () => living.size === 0);
}

function spawnProgram(args: readonly string[], settings: Settings): Program {
  const inherited = Object.fromEntries(INHERITED.map((name) => [name, process.env[name]]));
  const child = spawn(process.execPath, args, {
    env: { ...inherited, ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  return watch(child);
}

function watch(child: ChildProcess): Program {
  let [stdout, stderr, unfinished] = ['', '', ''];
  let closed = false;
  const lines: LogLine[] = [];
  living.add(child);
  child.once('close', () => {
    closed = true;
    living.delete(child);
  });
  child.stdout!.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    const parts = (unfinished + text).split('\n');
    unfinished = parts.pop() ?? '';
    lines.push(...parts.filter((part) => part.startsWith('{"level"')).map((part) => JSON.parse(part) as LogLine));
  });
  child.stderr!.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return {
    pid: child.pid!,
    lines,
    get stdout() {
      return stdout;
    },
    get stderr() {
      return stderr;
    },
    get hasEnded() {
      return closed;
    },
    signal: (signal) => signalGroup(child, signal),
    async ended() {
      await until('a process to end', () => closed);
      return child.exitCode;
    },
  };
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  try {
    process.kill(-child.pid!, signal);
  } catch (error) {
    // Gone already.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
