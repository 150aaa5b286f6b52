import { Busboy, type BusboyFileStream } from '@fastify/busboy';
import type { FileHandle } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { DomainError, invalid } from '../errors';

const ignore = (): void => undefined;

export interface Limits {
  /** Of the file alone. */
  readonly bytes: number;
  /** For the whole request to arrive. */
  readonly deadlineMs: number;
}

export interface ReceivedFile {
  /** As the client gave it, which proves nothing. */
  readonly name: string | undefined;
  readonly size: number;
}

const PART = 'file';
/** What may stand around the file: boundaries, headers, a few small fields, which are ignored. */
const FRAME_BYTES = 64 * 1024;
const PARTS = { parts: 10, files: 1, fields: 9, fieldSize: 1024, headerPairs: 20, headerSize: 8 * 1024 };
const BOUNDARY = /;\s*boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))\s*(?:;|$)/i;

/** Refuses, before a byte is read, what its headers already condemn. @throws {DomainError} 400, 413 or 415 */
export function checkMultipart({ headers }: IncomingMessage, limits: Limits): void {
  const type = headers['content-type'] ?? '';
  if (!/^multipart\/form-data\s*(;|$)/i.test(type)) {
    throw new DomainError('unsupported_media_type', 'Content-Type must be multipart/form-data');
  }
  if (!BOUNDARY.test(type)) throw malformed('Content-Type names no boundary');
  if (Number(headers['content-length'] ?? 0) > limits.bytes + FRAME_BYTES) throw tooLarge(limits);
}

/**
 * Writes the one file of a multipart request as it arrives; the socket is read no faster than the disk writes.
 *
 * @throws {DomainError} 400 when it is malformed or broken off, 408, 413, 422 when it does not hold exactly one file
 */
export async function receiveFile(request: IncomingMessage, into: FileHandle, limits: Limits): Promise<ReceivedFile> {
  const parser = new Busboy({
    headers: { ...request.headers, 'content-type': request.headers['content-type'] ?? '' },
    limits: { ...PARTS, fileSize: limits.bytes },
    isPartAFile: (field, _type, name) => field === PART || name !== undefined,
  });
  let saved: Promise<ReceivedFile> | undefined;
  let source: BusboyFileStream | undefined;
  let [finish, refuse]: [() => void, (error: unknown) => void] = [ignore, ignore];
  const over = new Promise<void>((resolve, reject) => ([finish, refuse] = [resolve, reject]));
  const count = frameCounter(limits, refuse);
  const timer = setTimeout(() => refuse(tooSlow()), limits.deadlineMs);
  parser
    .on('file', (field, stream, name) => {
      source = stream;
      stream.on('error', ignore).once('limit', () => refuse(tooLarge(limits)));
      saved = save(stream, into).then((size) => ({ name, size }));
      saved.catch((error: unknown) => refuse(isSystemFault(error) ? error : broken()));
      if (field !== PART) refuse(noFile());
    })
    .once('filesLimit', () => refuse(invalid([{ field: PART, message: 'must be sent once' }])))
    .once('partsLimit', () => refuse(invalid([{ field: PART, message: 'must not come with so many other parts' }])))
    .on('error', () => refuse(broken()))
    .once('finish', finish);
  request.once('close', () => {
    if (!request.complete) refuse(malformed('The upload was broken off'));
  });
  try {
    if (request.destroyed) throw malformed('The upload was broken off');
    request.on('data', count).pipe(parser);
    await over;
    const file = await saved;
    if (file === undefined) throw noFile();
    if (file.size === 0) throw invalid([{ field: PART, message: 'must not be empty' }]);
    return file;
  } catch (error) {
    source?.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
    // What still comes is thrown away, whoever answers.
    request.off('data', count).unpipe(parser).resume();
    await saved?.catch(() => undefined);
  }
}

async function save(source: AsyncIterable<Buffer>, into: FileHandle): Promise<number> {
  let size = 0;
  for await (const chunk of source) {
    await into.writeFile(chunk);
    size += chunk.length;
  }
  return size;
}

/** Ours to answer for, unlike what the parser finds. */
export function isSystemFault(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error;
}

function frameCounter(limits: Limits, refuse: (error: unknown) => void): (chunk: Buffer) => void {
  let left = limits.bytes + FRAME_BYTES;
  return (chunk) => {
    left -= chunk.length;
    if (left < 0) refuse(tooLarge(limits));
  };
}

function malformed(detail: string): DomainError {
  return new DomainError('malformed', detail);
}

function broken(): DomainError {
  return malformed('The body is not well-formed multipart/form-data');
}

function noFile(): DomainError {
  return invalid([{ field: PART, message: 'is required, as the one file of the form' }]);
}

function tooLarge({ bytes }: Limits): DomainError {
  return new DomainError('too_large', `The file must not be larger than ${bytes} bytes`);
}

function tooSlow(): DomainError {
  return new DomainError('timeout', 'The upload took too long to arrive');
}
