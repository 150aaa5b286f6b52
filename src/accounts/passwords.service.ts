import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { DomainError } from '../errors';

/** At 50 to 100 ms each, whoever stands last waits for some two seconds. */
const MAX_WAITING = 24;

/** Verified against when nobody has the e-mail, so that an unknown one costs the same. */
const NOBODY = '$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IGhhcyB0aGlzIQ$EIsOuHiiYI07rrFLVLrBmAjRvZw63wOl1NOlldGn4eI';

interface Answer {
  readonly id: number;
  readonly result?: string | boolean;
  readonly fault?: string;
}

interface Waiting {
  readonly resolve: (result: string | boolean) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Hashes and verifies passwords in one thread of its own: argon2id is slow on purpose, and on the event loop every
 * sign-in would hold up the whole gateway. Its queue is bounded, so a flood of sign-ins costs other people's sign-ins only.
 */
@Injectable()
export class Passwords implements OnApplicationShutdown {
  private readonly waiting = new Map<number, Waiting>();
  private worker: Worker | undefined;
  private count = 0;

  async hash(password: string): Promise<string> {
    return String(await this.ask({ password }));
  }

  /** @param hash null when nobody has the e-mail: takes as long, and is false */
  async verify(password: string, hash: string | null): Promise<boolean> {
    const matches = await this.ask({ password, hash: hash ?? NOBODY });
    return matches === true && hash !== null;
  }

  async onApplicationShutdown(): Promise<void> {
    await this.worker?.terminate();
  }

  private ask(question: { password: string; hash?: string }): Promise<string | boolean> {
    if (this.waiting.size >= MAX_WAITING) {
      return Promise.reject(
        new DomainError('unavailable', 'Too many sign-ins at this moment; please try again', [], 5),
      );
    }
    const id = ++this.count;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.thread().postMessage({ id, ...question });
    });
  }

  /** Started by the first who needs it; while nobody does, it does not keep the process from ending. */
  private thread(): Worker {
    if (this.worker !== undefined) {
      this.worker.ref();
      return this.worker;
    }
    const worker = new Worker(join(__dirname, 'password-worker.mjs'));
    worker.on('message', (answer: Answer) => {
      this.settle(answer);
    });
    worker.once('error', (error: Error) => {
      this.fail(worker, error);
    });
    worker.once('exit', () => {
      this.fail(worker, new Error('The thread that hashes passwords has ended'));
    });
    return (this.worker = worker);
  }

  private settle({ id, result, fault }: Answer): void {
    const waiting = this.waiting.get(id);
    this.waiting.delete(id);
    if (this.waiting.size === 0) this.worker?.unref();
    if (result !== undefined) waiting?.resolve(result);
    else waiting?.reject(new Error(fault));
  }

  private fail(worker: Worker, error: Error): void {
    if (this.worker !== worker) return;
    this.worker = undefined;
    const all = [...this.waiting.values()];
    this.waiting.clear();
    for (const { reject } of all) reject(error);
  }
}
