import type { Dispatcher } from 'undici';

/** An answer as it came. */
export interface Answer {
  readonly statusCode: number;
  readonly headers: Headers;
  readonly body: Buffer;
}

export interface Limits {
  /** For everything, from resolving the name to the last byte. */
  readonly deadlineMs: number;
  /** Of the answer's body no more is read than this. */
  readonly maxBodyBytes: number;
}

type Headers = Parameters<NonNullable<Dispatcher.DispatchHandler['onResponseStart']>>[2];

/**
 * Posts, and reads the answer. It speaks to the dispatcher itself: undici's `request`, with a stream for the body and a
 * signal for the deadline, took twice the processor time.
 *
 * @throws Error named `TimeoutError` after the deadline, and whatever the dispatcher failed with
 */
export function exchange(
  dispatcher: Dispatcher,
  url: string,
  { headers, body }: { readonly headers: Record<string, string>; readonly body: Buffer },
  limits: Limits,
): Promise<Answer> {
  const { origin, pathname, search } = new URL(url);
  return new Promise((resolve, reject) => {
    const handler = new Exchange(resolve, reject, limits);
    dispatcher.dispatch({ origin, path: pathname + search, method: 'POST', headers, body }, handler);
  });
}

class Exchange implements Dispatcher.DispatchHandler {
  private readonly timer: NodeJS.Timeout;
  private readonly chunks: Buffer[] = [];
  private controller: Dispatcher.DispatchController | undefined;
  private ended = false;
  private statusCode = 0;
  private headers: Headers = {};
  private size = 0;

  constructor(
    private readonly resolve: (answer: Answer) => void,
    private readonly reject: (error: Error) => void,
    private readonly limits: Limits,
  ) {
    this.timer = setTimeout(() => {
      this.fail(Object.assign(new Error('The deadline has passed'), { name: 'TimeoutError' }));
    }, limits.deadlineMs);
  }

  /** Called before anything is written: what was given up while it waited for a socket is never sent. */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller;
    if (this.ended) controller.abort(new Error('It was given up'));
  }

  onResponseStart(_controller: Dispatcher.DispatchController, statusCode: number, headers: Headers): void {
    this.statusCode = statusCode;
    this.headers = headers;
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.chunks.push(chunk);
    this.size += chunk.length;
    if (this.size < this.limits.maxBodyBytes) return;
    this.succeed();
    // With its socket: the rest is never read.
    this.controller?.abort(new Error('Enough was read'));
  }

  onResponseEnd(): void {
    this.succeed();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.fail(error);
  }

  private succeed(): void {
    if (this.ended) return;
    this.end();
    const { statusCode, headers, chunks } = this;
    this.resolve({ statusCode, headers, body: whole(chunks).subarray(0, this.limits.maxBodyBytes) });
  }

  private fail(error: Error): void {
    if (this.ended) return;
    this.end();
    this.reject(error);
    this.controller?.abort(error);
  }

  private end(): void {
    this.ended = true;
    clearTimeout(this.timer);
  }
}

/** A short answer comes in one piece, which is not copied. */
function whole(chunks: readonly Buffer[]): Buffer {
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
}
