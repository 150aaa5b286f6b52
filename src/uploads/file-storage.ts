import type { Readable } from 'node:stream';

/** A file that lies whole on this machine's disk. */
export interface LocalFile {
  readonly path: string;
  readonly size: number;
  readonly contentType: string;
}

/** Where uploaded files lie. Both kinds keep one contract, which `test/uploads/file-storage.spec.ts` tells. */
export interface FileStorage {
  /** Stores the file whole or not at all, and durably; it may take it away from where it lies. */
  put(id: string, file: LocalFile): Promise<void>;
  /** Null when there is none. */
  get(id: string): Promise<Readable | null>;
  /** Removing what is not there is no fault. */
  remove(id: string): Promise<void>;
}

export const FILE_STORAGE = Symbol('FileStorage');

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Ids become paths and keys: nothing else may ever reach one. */
export function checkedId(id: string): string {
  if (!UUID.test(id)) throw new Error('a stored file is named by a UUID');
  return id;
}
