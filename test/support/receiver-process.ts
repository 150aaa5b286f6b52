import { spawn } from 'node:child_process';
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from './until';

/** One delivery, as the receiver wrote it down before it answered. */
export interface Arrival {
  /** 1 for the first one of all. */
  readonly number: number;
  /** Unix milliseconds. */
  readonly at: number;
  readonly ats_id: string;
  readonly event: string;
  readonly event_id: string;
  readonly reference_id: string;
  readonly client_id: string;
  readonly status: 'success' | 'error';
  readonly entity_id: string;
  /** `data.custom_fields.sequence`, which is the test's own. */
  readonly sequence: number | null;
  readonly verified: boolean;
  /** Its signature's time, Unix seconds. */
  readonly signed_at: number;
  /** Whether the receiver counts it as received: it was answered 2xx, or would have been. */
  readonly taken: boolean;
  /** Of the raw body. */
  readonly sha256: string;
}

/** How an account's endpoint treats deliveries; it takes them with 200 unless told otherwise. */
export interface Manner {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  readonly afterMs?: number;
  /** Looks at the last `v1` of the signature alone, and answers 401 when it is not by the known secret. */
  readonly lastOnly?: boolean;
  /** `hold`: takes it, and answers when the manner changes. `drip`: a byte a second, without end. */
  readonly answer?: 'none' | 'reset' | 'drip' | 'hold';
}

/** What the receiver is told over its second port. */
export interface Direction {
  readonly secret?: string;
  readonly manner?: Manner;
  /** Of the whole receiver: false refuses every connection. */
  readonly listening?: boolean;
}

/** A receiver that outlives every gateway, whose record outlives itself. */
export interface ReceiverProcess {
  /** The webhook URL of an account. */
  url(atsId: string): string;
  /** Call it before the first delivery: by this secret the account's signatures are verified. */
  know(atsId: string, secret: string): Promise<void>;
  behave(atsId: string, manner: Manner): Promise<void>;
  listen(listening: boolean): Promise<void>;
  /** How often a page was asked for that is nobody's endpoint. */
  pageHits(): Promise<number>;
  /** In the order of arrival. */
  arrivals(): readonly Arrival[];
  close(): Promise<void>;
}

export async function startReceiverProcess(): Promise<ReceiverProcess> {
  const directory = await mkdtemp(join(tmpdir(), 'gateway-receiver-'));
  const file = join(directory, 'arrivals.jsonl');
  await writeFile(file, '');
  const args = ['--require', join(__dirname, 'register-swc.cjs'), join(__dirname, 'receiver-main.ts'), file];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'], detached: true });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  await until('the receiver', () => said.includes('\n') || child.exitCode !== null);
  if (!said.includes('\n')) throw new Error('The receiver did not start');
  const [port, control] = said.trim().split(' ');
  const url = (atsId: string): string => `http://127.0.0.1:${port}/${atsId}`;
  const direct = async (atsId: string, direction: Direction): Promise<void> => {
    const answer = await fetch(`http://127.0.0.1:${control}/${atsId}`, {
      method: 'PUT',
      body: JSON.stringify(direction),
    });
    await answer.text();
  };
  const read = follow(file);
  return {
    url,
    arrivals: read,
    know: (atsId, secret) => direct(atsId, { secret }),
    behave: (atsId, manner) => direct(atsId, { manner }),
    listen: (listening) => direct('', { listening }),
    async pageHits() {
      const answer = await fetch(`http://127.0.0.1:${control}/`);
      return ((await answer.json()) as { pageHits: number }).pageHits;
    },
    async close() {
      child.stdin.end();
      await until('the receiver to end', () => child.exitCode !== null);
      await rm(directory, { recursive: true });
    },
  };
}

/** Reads what was added since the last time, whole lines only. */
function follow(file: string): () => readonly Arrival[] {
  const arrivals: Arrival[] = [];
  let offset = 0;
  return () => {
    const added = Buffer.alloc(statSync(file).size - offset);
    const opened = openSync(file, 'r');
    try {
      readSync(opened, added, 0, added.length, offset);
    } finally {
      closeSync(opened);
    }
    const whole = added.subarray(0, added.lastIndexOf('\n') + 1);
    offset += whole.length;
    for (const line of whole.toString().split('\n').slice(0, -1)) arrivals.push(JSON.parse(line) as Arrival);
    return arrivals;
  };
}
