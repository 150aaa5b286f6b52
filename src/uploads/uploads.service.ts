import { Inject, Injectable } from '@nestjs/common';
import { mkdir, open, rm, type FileHandle } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { readerColumns, type Caller } from '../accounts/credential';
import { Env } from '../config/env';
import { Clock } from '../database/clock';
import { Database, REQUEST_DEADLINE_MS } from '../database/database';
import { DomainError, unauthorized, unprovisioned } from '../errors';
import { SERVER_TIMEOUTS } from '../http/configure';
import { logger } from '../observability/logger';
import { annotate } from '../observability/request-context';
import { contentTypeOf } from './content-type';
import { displayName } from './file-name';
import { FILE_STORAGE, type FileStorage } from './file-storage';
import { checkMultipart, receiveFile } from './multipart';
import { incomingDirectory } from './uploads.directories';
import { ABANDON, BEGIN, COMPLETE } from './uploads.sql';

/** The answer to an upload (contract, section 9). */
export interface UploadedFile {
  readonly carv_file_id: string;
  readonly file_name: string;
  readonly content_type: string;
  readonly file_size: number;
  readonly uploaded_at: Date;
  readonly expires_at: Date;
}

interface Draft {
  readonly path: string;
  readonly name: string;
  readonly size: number;
  readonly contentType: string;
}

const LIMITS = { bytes: 10 * 1024 * 1024, deadlineMs: SERVER_TIMEOUTS.requestTimeout };

/** Takes files in: first a row, then the file, then the row's completion, so that neither is ever left without the other. */
@Injectable()
export class Uploads {
  private readonly incoming: string;

  constructor(
    @Inject(FILE_STORAGE) private readonly storage: FileStorage,
    private readonly database: Database,
    private readonly clock: Clock,
    env: Env,
  ) {
    this.incoming = incomingDirectory(env);
  }

  /** @throws {DomainError} as `receiveFile`, and `unauthorized`, `conflict` without a workspace, 415, `unavailable` */
  async receive(caller: Caller, clientId: string, request: IncomingMessage): Promise<UploadedFile> {
    checkMultipart(request, LIMITS);
    const id = this.clock.uuidv7();
    await this.begin(id, caller, clientId);
    const path = join(this.incoming, id);
    try {
      const draft = await this.draft(id, path, request);
      annotate({ carv_file_id: id, bytes_in: draft.size });
      await this.storage.put(id, draft).catch(notStored);
      return await this.complete(id, caller, draft);
    } finally {
      await rm(path, { force: true }).catch(ignore);
    }
  }

  private async begin(id: string, caller: Caller, clientId: string): Promise<void> {
    const columns = [...readerColumns(caller), clientId, id];
    const [workspace] = await this.database.query<{ provisioned: boolean }>(BEGIN, columns, REQUEST_DEADLINE_MS);
    if (workspace === undefined) throw unauthorized();
    if (!workspace.provisioned) throw unprovisioned();
  }

  /** On this machine's disk first: what a file is can be told only once all of it is here. */
  private async draft(id: string, path: string, request: IncomingMessage): Promise<Draft> {
    let handle: FileHandle | undefined;
    try {
      await mkdir(this.incoming, { recursive: true, mode: 0o700 });
      handle = await open(path, 'wx+', 0o600);
      const { name, size } = await receiveFile(request, handle, LIMITS);
      const contentType = await contentTypeOf(path, handle);
      if (contentType === null) throw new DomainError('unsupported_media_type', 'The file must be a PDF, DOC or DOCX');
      return { path, name: displayName(name), size, contentType };
    } catch (error) {
      await this.database.query(ABANDON, [id], REQUEST_DEADLINE_MS).catch(ignore);
      if (error instanceof DomainError) throw error;
      return notStored(error);
    } finally {
      await handle?.close();
    }
  }

  private async complete(id: string, caller: Caller, { name, contentType, size }: Draft): Promise<UploadedFile> {
    const [completed] = await this.database.query<{ uploaded_at: Date | null; expires_at: Date | null }>(
      COMPLETE,
      [...readerColumns(caller), id, name, contentType, size],
      REQUEST_DEADLINE_MS,
    );
    if (completed === undefined) throw unauthorized();
    const { uploaded_at, expires_at } = completed;
    if (uploaded_at === null || expires_at === null) return notStored(new Error('the sweeper was faster'));
    return { carv_file_id: id, file_name: name, content_type: contentType, file_size: size, uploaded_at, expires_at };
  }
}

const ignore = (): void => undefined;

function notStored(cause: unknown): never {
  logger.error({ err: cause }, 'upload.not_stored');
  throw new DomainError('unavailable', 'The gateway cannot store files right now; please try again', [], 5);
}
