import { DeleteObjectCommand, GetObjectCommand, NoSuchKey, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { checkedId, type FileStorage, type LocalFile } from './file-storage';

export interface S3Settings {
  readonly bucket: string;
  readonly region: string;
  /** Unset: Amazon's own. */
  readonly endpoint?: string;
  readonly forcePathStyle: boolean;
  /** Unset: what the machine it runs on is given. */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

const PUT_DEADLINE_MS = 20_000;
const DEADLINE_MS = 10_000;
const GET_DEADLINE_MS = 30_000;
const ignore = (): void => undefined;
/** Whoever called is told of every fault, and logs it. */
const SILENT = { trace: ignore, debug: ignore, info: ignore, warn: ignore, error: ignore };

/** Objects of an S3-compatible bucket, under `uploads/`. */
export class S3Storage implements FileStorage {
  private readonly client: S3Client;
  private readonly bucket: string;

  constructor({ bucket, ...settings }: S3Settings) {
    this.bucket = bucket;
    // Checksums in trailers are young, and many compatible stores do not know them.
    const checksums = 'WHEN_REQUIRED' as const;
    this.client = new S3Client({
      ...settings,
      logger: SILENT,
      requestChecksumCalculation: checksums,
      responseChecksumValidation: checksums,
    });
  }

  /** In one request, its length known beforehand: the object is there whole or not at all, and no parts are left over. */
  async put(id: string, { path, size, contentType }: LocalFile): Promise<void> {
    const body = createReadStream(path);
    const content = { Body: body, ContentLength: size, ContentType: contentType };
    try {
      await this.client.send(new PutObjectCommand({ ...this.object(id), ...content }), within(PUT_DEADLINE_MS));
    } finally {
      body.destroy();
    }
  }

  async get(id: string): Promise<Readable | null> {
    try {
      const { Body } = await this.client.send(new GetObjectCommand(this.object(id)), within(GET_DEADLINE_MS));
      return Body as Readable;
    } catch (error) {
      if (error instanceof NoSuchKey) return null;
      throw error;
    }
  }

  async remove(id: string): Promise<void> {
    await this.client.send(new DeleteObjectCommand(this.object(id)), within(DEADLINE_MS));
  }

  private object(id: string): { Bucket: string; Key: string } {
    return { Bucket: this.bucket, Key: `uploads/${checkedId(id)}` };
  }
}

function within(deadlineMs: number): { abortSignal: AbortSignal } {
  return { abortSignal: AbortSignal.timeout(deadlineMs) };
}
