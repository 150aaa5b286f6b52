import { fork } from 'node:child_process';
import { join } from 'node:path';
import { REGISTER } from './program';

/** A process of the benchmark's own that answers calls. */
export interface Peer {
  readonly pid: number;
  call<T = void>(method: string, argument?: unknown): Promise<T>;
  end(): Promise<void>;
}

type Methods = Readonly<Record<string, (argument: never) => unknown>>;

interface Question {
  readonly id: number;
  readonly method: string;
  readonly argument: unknown;
}

interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

/** @param name of the file in `peers`, which calls `serve` */
export function startPeer(name: string): Peer {
  const child = fork(join(__dirname, 'peers', `${name}.ts`), { execArgv: ['--require', REGISTER] });
  const waiting = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  let count = 0;
  const ended = new Promise<void>((resolve) => {
    child.once('exit', (code, signal) => {
      const error = new Error(`The process ${name} ended: ${code ?? signal}`);
      for (const { reject } of waiting.values()) reject(error);
      resolve();
    });
  });
  child.on('message', ({ id, value, error }: Answer) => {
    const asked = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) asked?.resolve(value as never);
    else asked?.reject(new Error(`${name}: ${error}`));
  });
  return {
    pid: child.pid!,
    call: (method, argument) =>
      new Promise((resolve, reject) => {
        const id = count++;
        waiting.set(id, { resolve, reject });
        child.send({ id, method, argument } satisfies Question);
      }),
    async end() {
      child.kill();
      await ended;
    },
  };
}

/** The other side: answers calls of these methods until its parent is gone. */
export function serve(methods: Methods): void {
  process.on('disconnect', () => process.exit());
  process.on('message', ({ id, method, argument }: Question) => {
    const reply = (answer: Omit<Answer, 'id'>) => process.send?.({ id, ...answer });
    Promise.resolve()
      .then(() => methods[method]!(argument as never))
      .then(
        (value) => reply({ value }),
        (error: unknown) => reply({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
      );
  });
}

/** Milliseconds by a clock that all processes of a machine share. */
export function machineTime(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
