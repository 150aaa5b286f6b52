// The load generator. It speaks HTTP over bare sockets: an HTTP client would take as much of the machine as the server.
import { connect, type Socket } from 'node:net';
import { machineTime, serve } from '../peer';

/** Where a candidate is created, and for whom. */
export interface Target {
  readonly apiKey: string;
  readonly clientId: string;
}

export interface LoadOptions {
  readonly origin: string;
  readonly targets: readonly Target[];
  readonly connections: number;
  readonly seconds: number;
  /** Requests per second, begun on time whatever the answers do; none: each connection's next follows its answer. */
  readonly rate?: number;
  /** How many writes may be accepted and not delivered yet; the harness tells how many were delivered. */
  readonly window?: number;
}

export interface LoadReport {
  readonly seconds: number;
  /** Of the 202s, by the clock that all processes share, and their ids in the same order. */
  readonly answeredAt: number[];
  readonly ids: string[];
  /** Milliseconds, from when a request was due to its answer. */
  readonly latencies: number[];
  /** Other answers, with how often each came. */
  readonly refused: Record<string, number>;
}

const HEAD_END = Buffer.from('\r\n\r\n');
let serial = 0;
let delivered = 0;

function candidate(): string {
  const id = `candidate-${process.pid}-${serial++}`;
  return JSON.stringify({
    candidate_id: id,
    first_name: 'Jane',
    last_name: 'Smith',
    email: `${id}@example.com`,
    phone: '+31201234567',
    headline: 'Senior backend engineer with ten years of distributed systems',
    location: 'Amsterdam, NL',
    linkedin_url: 'https://www.linkedin.com/in/jane-smith',
    skills: ['TypeScript', 'PostgreSQL', 'Kubernetes', 'Event sourcing'],
    custom_fields: { source: 'referral', rating: 4 },
  });
}

class Connection {
  private readonly socket: Socket;
  private received: Buffer = Buffer.alloc(0);
  private answer: ((answer: { status: string; body: string }) => void) | undefined;

  constructor(
    { hostname, port }: URL,
    private readonly heads: readonly string[],
    onError: (error: Error) => void,
  ) {
    this.socket = connect(Number(port), hostname).setNoDelay(true);
    this.socket.on('data', (chunk: Buffer) => this.take(chunk));
    this.socket.on('error', onError).on('close', () => onError(new Error('the server closed a connection')));
  }

  send(): Promise<{ status: string; body: string }> {
    const body = candidate();
    const head = this.heads[serial % this.heads.length]!;
    return new Promise((resolve) => {
      this.answer = resolve;
      this.socket.write(`${head}Content-Length: ${body.length}\r\n\r\n${body}`, 'latin1');
    });
  }

  close(): void {
    this.socket.removeAllListeners('close').destroy();
  }

  private take(chunk: Buffer): void {
    this.received = this.received.length === 0 ? chunk : Buffer.concat([this.received, chunk]);
    const end = this.received.indexOf(HEAD_END);
    if (end === -1) return;
    const head = this.received.toString('latin1', 0, end);
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1]);
    if (this.received.length < end + 4 + length) return;
    const body = this.received.toString('latin1', end + 4);
    this.received = Buffer.alloc(0);
    this.answer?.({ status: head.slice(9, 12), body });
  }
}

class Run {
  readonly report: LoadReport = { seconds: 0, answeredAt: [], ids: [], latencies: [], refused: {} };
  private readonly idle: Connection[] = [];
  private readonly due: number[] = [];
  private sent = 0;
  private open = 0;
  private over = false;
  private readonly deliveredBefore = delivered;
  private finish: () => void = () => undefined;
  private fail: (error: Error) => void = () => undefined;

  constructor(private readonly options: LoadOptions) {}

  async run(): Promise<LoadReport> {
    const { origin, targets, connections, seconds, rate } = this.options;
    const heads = targets.map(
      ({ apiKey, clientId }) =>
        'POST /v1/candidates HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n' +
        `X-API-Key: ${apiKey}\r\nX-ATS-Client-ID: ${clientId}\r\nX-ATS-User-ID: user-1\r\n`,
    );
    const ended = new Promise<void>((resolve, reject) => {
      this.finish = resolve;
      this.fail = reject;
    });
    const all = Array.from({ length: connections }, () => new Connection(new URL(origin), heads, this.fail));
    this.idle.push(...all);
    const begun = machineTime();
    const pace = rate === undefined ? undefined : this.pace(rate);
    // What a window holds back is looked at again by a timer: nothing else may be left that could.
    const stir = setInterval(() => this.proceed(), 2);
    setTimeout(() => {
      this.over = true;
      Object.assign(this.report, { seconds: (machineTime() - begun) / 1000 });
      if (this.open === 0) this.finish();
    }, seconds * 1000);
    this.proceed();
    await ended;
    clearInterval(stir);
    clearInterval(pace);
    for (const connection of all) connection.close();
    return this.report;
  }

  private pace(rate: number): NodeJS.Timeout {
    const begun = machineTime();
    let count = 0;
    return setInterval(() => {
      for (; begun + (count * 1000) / rate <= machineTime() && !this.over; count++) {
        this.due.push(begun + (count * 1000) / rate);
      }
      this.proceed();
    }, 1);
  }

  private proceed(): void {
    const { rate, window = Infinity } = this.options;
    while (!this.over && this.idle.length > 0 && this.sent - (delivered - this.deliveredBefore) < window) {
      const from = rate === undefined ? machineTime() : this.due.shift();
      if (from === undefined) return;
      this.ask(this.idle.pop()!, from);
    }
  }

  private ask(connection: Connection, from: number): void {
    this.sent++;
    this.open++;
    connection.send().then(({ status, body }) => {
      this.open--;
      const at = machineTime();
      if (status === '202') {
        this.report.ids.push(/"reference_id":"([^"]+)"/.exec(body)?.[1] ?? '');
        this.report.answeredAt.push(at);
        this.report.latencies.push(at - from);
      } else {
        const what = `${status} ${body.slice(0, 300)}`;
        this.report.refused[what] = (this.report.refused[what] ?? 0) + 1;
      }
      this.idle.push(connection);
      if (this.over && this.open === 0) this.finish();
      else this.proceed();
    }, this.fail);
  }
}

serve({
  run: (options: LoadOptions) => new Run(options).run(),
  delivered(count: number) {
    delivered = count;
  },
});
