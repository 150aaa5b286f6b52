import { randomUUID } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Gateway, TestAccount } from './gateway';
import { pdf } from './documents';

/** What an upload was answered. */
export interface Uploaded {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}

export interface Part {
  readonly field?: string;
  /** Null: no file name, as a plain field. */
  readonly name?: string | null;
  readonly type?: string;
  readonly bytes?: Buffer;
}

/** A multipart body as curl writes it. */
export function form(parts: readonly Part[], boundary = `----${randomUUID()}`): { type: string; body: Buffer } {
  const chunks = parts.flatMap(
    ({ field = 'file', name = 'cv.pdf', type = 'application/octet-stream', bytes = pdf() }) => [
      Buffer.from(
        `--${boundary}\r\nContent-Disposition: form-data; name="${field}"${name === null ? '' : `; filename="${name}"`}\r\n` +
          `${name === null ? '' : `Content-Type: ${type}\r\n`}\r\n`,
      ),
      bytes,
      Buffer.from('\r\n'),
    ],
  );
  return {
    type: `multipart/form-data; boundary=${boundary}`,
    body: Buffer.concat([...chunks, Buffer.from(`--${boundary}--\r\n`)]),
  };
}

export interface Upload {
  readonly clientId?: string | null;
  readonly type?: string;
  readonly body?: Buffer;
  readonly headers?: Record<string, string>;
  /** Its length is not declared. */
  readonly chunked?: boolean;
}

/** `POST /uploads` with these parts, or with exactly this type and body. */
export async function upload(
  { origin }: Pick<Gateway, 'origin'>,
  account: Pick<TestAccount, 'apiKey'>,
  parts: readonly Part[] = [{}],
  { clientId = 'client-1', headers = {}, chunked = false, ...given }: Upload = {},
): Promise<Uploaded> {
  const { type, body } = { ...form(parts), ...given };
  const response = await fetch(`${origin}/uploads`, {
    method: 'POST',
    headers: {
      'X-API-Key': account.apiKey,
      'Content-Type': type,
      ...(clientId !== null && { 'X-ATS-Client-ID': clientId }),
      ...headers,
    },
    ...(chunked
      ? { body: new Blob([new Uint8Array(body)]).stream(), duplex: 'half' as const }
      : { body: new Uint8Array(body) }),
  });
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Record<string, unknown>,
  };
}

/** The id of a file that was just uploaded. */
export async function uploaded(...call: Parameters<typeof upload>): Promise<string> {
  const { status, body } = await upload(...call);
  if (status !== 200) throw new Error(`An upload was answered ${status}: ${JSON.stringify(body)}`);
  return String(body.carv_file_id);
}

/** What lies in a data directory: stored files, and those that were still arriving. */
export async function filesIn(dataDir: string): Promise<{ stored: string[]; incoming: string[] }> {
  const list = (...path: string[]): Promise<string[]> => readdir(join(dataDir, 'uploads', ...path)).catch(() => []);
  return { stored: (await list()).filter((name) => name !== 'incoming').sort(), incoming: await list('incoming') };
}
