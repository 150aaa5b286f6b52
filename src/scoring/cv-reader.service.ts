import { Injectable } from '@nestjs/common';
import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { isObject } from '../http/json';
import type { CvText } from './baseline';

const PROGRAM = join(__dirname, 'cv-program.mjs');
/** Others have no maintained reader: `word-extractor`, the one for DOC, had its last release in 2021. */
const READABLE: ReadonlySet<string> = new Set([
  'application/pdf',
  'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
]);
const TIMEOUT_MS = 15_000;
/** Each is a process that may take a core and, for a moment, 768 MiB. */
const MAX_AT_ONCE = 2;
const MAX_OUTPUT_BYTES = 4 * 1024 * 1024;

/** Takes the text out of documents that strangers sent, each in a process of its own. */
@Injectable()
export class CvReader {
  private readonly waiting = new Set<() => void>();
  private active = 0;

  /**
   * Null when there is no content.
   *
   * @param open gives the content once its turn has come; it is destroyed in the end
   * @param signal gives up waiting and reading
   * @throws when the content cannot be had, or no process started, or it was given up: nothing was learnt of the document
   */
  async read(contentType: string, open: () => Promise<Readable | null>, signal: AbortSignal): Promise<CvText | null> {
    if (!READABLE.has(contentType)) return { fault: `files of the type ${contentType} cannot be read` };
    await this.enter(signal);
    try {
      const content = await open();
      if (content === null) return null;
      try {
        return await this.run(contentType, content, signal);
      } finally {
        content.destroy();
      }
    } finally {
      this.leave();
    }
  }

  private async run(contentType: string, content: Readable, signal: AbortSignal): Promise<CvText> {
    const deadline = AbortSignal.timeout(TIMEOUT_MS);
    const child = spawn(process.execPath, [PROGRAM, contentType], {
      env: {},
      stdio: ['pipe', 'pipe', 'ignore'],
      windowsHide: true,
    });
    const kill = (): void => void child.kill('SIGKILL');
    const both = AbortSignal.any([deadline, signal]);
    both.addEventListener('abort', kill);
    if (both.aborted) kill();
    try {
      const [, , output] = await Promise.all([ended(child), feed(content, child), collect(child.stdout)]);
      signal.throwIfAborted();
      if (deadline.aborted) return { fault: 'it takes too long to read' };
      // Empty: ended by what it read, it could not even say so.
      return output === '' ? { fault: 'reading it failed' } : understood(output);
    } finally {
      both.removeEventListener('abort', kill);
      kill();
    }
  }

  private async enter(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.active < MAX_AT_ONCE) {
      this.active++;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const enter = (): void => {
        signal.removeEventListener('abort', abandon);
        resolve();
      };
      const abandon = (): void => {
        this.waiting.delete(enter);
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', abandon, { once: true });
      this.waiting.add(enter);
    });
  }

  /** Whoever waits longest takes over the place. */
  private leave(): void {
    const [next] = this.waiting;
    if (next === undefined) {
      this.active--;
      return;
    }
    this.waiting.delete(next);
    next();
  }
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.on('error', reject).once('close', () => resolve());
  });
}

/** A program that needs no more of its input, or is gone, closes it: that is no fault of the content. */
async function feed(content: Readable, { stdin }: ChildProcess): Promise<void> {
  if (stdin === null) return;
  let fault: Error | undefined;
  content.once('error', (error) => (fault = error));
  await pipeline(content, stdin).catch(() => undefined);
  // Closing the pipe early destroys the content with the pipe's own error.
  if (fault !== undefined && !PIPE_CLOSED.has(String((fault as NodeJS.ErrnoException).code))) throw fault;
}

const PIPE_CLOSED: ReadonlySet<string> = new Set(['EPIPE', 'ECONNRESET', 'ERR_STREAM_PREMATURE_CLOSE']);

async function collect(stream: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_OUTPUT_BYTES) throw new Error('the CV program said too much');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function understood(output: string): CvText {
  const value: unknown = JSON.parse(output);
  if (isObject(value) && typeof value.text === 'string') return { text: value.text };
  if (isObject(value) && typeof value.fault === 'string') return { fault: value.fault };
  throw new Error('the CV program gave no answer');
}
