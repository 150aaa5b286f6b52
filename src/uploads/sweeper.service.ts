import { Inject, Injectable } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Env } from '../config/env';
import { Database } from '../database/database';
import { logger } from '../observability/logger';
import { FILE_STORAGE, type FileStorage } from './file-storage';
import { incomingDirectory } from './uploads.directories';
import { FORGET, TAKE_DUE } from './uploads.sql';

const SWEEP_MS = 60_000;
const FILES_AT_ONCE = 50;
/** For a file that could not be removed, or whose sweeper died. */
const AGAIN_MS = 600_000;
/** Far longer than any request may take. */
const ABANDONED_MS = 3_600_000;

/** Removes the files that nobody has, first the file and then its row. Several processes share the work. */
@Injectable()
export class Sweeper {
  private sweeping = false;

  constructor(
    @Inject(FILE_STORAGE) private readonly storage: FileStorage,
    private readonly database: Database,
    private readonly env: Env,
  ) {}

  @Interval(SWEEP_MS)
  async tick(): Promise<void> {
    if (this.sweeping) return;
    this.sweeping = true;
    await this.sweep()
      .catch((error: unknown) => logger.warn({ err: error }, 'uploads.not_swept'))
      .finally(() => (this.sweeping = false));
  }

  /** Returns how many files it removed. */
  async sweep(): Promise<number> {
    await this.removeAbandoned();
    let removed = 0;
    for (let due = FILES_AT_ONCE; due === FILES_AT_ONCE;) {
      const rows = await this.database.query<{ carv_file_id: string }>(TAKE_DUE, [FILES_AT_ONCE, AGAIN_MS]);
      due = rows.length;
      removed += await this.remove(rows.map((row) => row.carv_file_id));
    }
    if (removed > 0) logger.info({ count: removed }, 'uploads.swept');
    return removed;
  }

  private async remove(ids: readonly string[]): Promise<number> {
    const outcomes = await Promise.allSettled(ids.map((id) => this.storage.remove(id)));
    const failed = outcomes.filter((o) => o.status === 'rejected');
    if (failed.length > 0)
      logger.warn({ err: failed[0]?.reason as unknown, count: failed.length }, 'uploads.not_removed');
    const gone = ids.filter((_, i) => outcomes[i]?.status === 'fulfilled');
    if (gone.length > 0) await this.database.query(FORGET, [gone]);
    return gone.length;
  }

  /** What a process that was killed had been receiving. */
  private async removeAbandoned(): Promise<void> {
    const directory = incomingDirectory(this.env);
    for (const name of await readdir(directory).catch(() => [])) {
      const path = join(directory, name);
      const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Infinity }));
      if (Date.now() - mtimeMs > ABANDONED_MS) await rm(path, { force: true });
    }
  }
}
