import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { checkedId, type FileStorage, type LocalFile } from './file-storage';

/** Files in one directory of this machine, each under its id. */
export class LocalStorage implements FileStorage {
  private prepared: Promise<void> | undefined;

  constructor(private readonly directory: string) {}

  /** @param file must lie on the same file system: it is renamed, so that a crash leaves all of it or nothing */
  async put(id: string, file: LocalFile): Promise<void> {
    await this.prepare();
    await sync(file.path);
    await rename(file.path, this.pathOf(id));
    await sync(this.directory);
  }

  async get(id: string): Promise<Readable | null> {
    try {
      return (await open(this.pathOf(id))).createReadStream();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
  }

  async remove(id: string): Promise<void> {
    await rm(this.pathOf(id), { force: true });
  }

  private pathOf(id: string): string {
    return join(this.directory, checkedId(id));
  }

  /** A new directory is durable only once the one above it is. */
  private prepare(): Promise<void> {
    this.prepared ??= makeDirectory(this.directory).catch((error: unknown) => {
      this.prepared = undefined;
      throw error;
    });
    return this.prepared;
  }
}

async function makeDirectory(directory: string): Promise<void> {
  const first = await mkdir(directory, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  for (let made = directory; made.length >= first.length; made = dirname(made)) await sync(dirname(made));
}

async function sync(path: string): Promise<void> {
  const handle = await open(path);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
