import { fileNamedBy, INBOUND, type Write } from '../events/inbound';

/** An uploaded file that may be named: whose it is, and how firmly. */
export interface NamedFile {
  readonly id: string;
  readonly atsId: string;
  readonly clientId: string;
  readonly expired: boolean;
  /** The write that named it first; null: it is free. */
  readonly reservedBy: string | null;
  /** The entity for which it is reserved, or with which it is kept. */
  readonly entity: string | null;
  readonly entityId: string | null;
  readonly bound: boolean;
}

/** What becomes of a file; null: it is let go. */
export interface Settlement {
  readonly id: string;
  readonly atsId: string;
  readonly file: NamedFile | null;
}

const FREE = { reservedBy: null, entity: null, entityId: null, bound: false } as const;

/**
 * The files that the writes of one batch name, and what becomes of them while the writes are applied one after the other.
 * Pure: it is loaded before and settled after, in the transaction that applies the batch.
 */
export class FileClaims {
  private readonly files: Map<string, NamedFile>;
  private readonly changed = new Map<string, Settlement>();

  constructor(files: readonly NamedFile[]) {
    this.files = new Map(files.map((file) => [file.id, file]));
  }

  /** Keeps the file with the write's entity; false when it is another's, has expired, or never was. */
  bind(write: Write, id: string): boolean {
    const file = this.files.get(id);
    if (file === undefined || file.atsId !== write.atsId || file.clientId !== write.clientId) return false;
    const { entity } = INBOUND[write.event];
    const free = file.reservedBy === null;
    const own = !free && file.entity === entity && file.entityId === write.entityId;
    if (free ? file.expired : !own) return false;
    const reservedBy = file.reservedBy ?? write.referenceId;
    this.set({ ...file, reservedBy, entity, entityId: write.entityId, bound: true });
    return true;
  }

  /** The write came to nothing: what was reserved for it is free again, unless its entity has it already. */
  release(write: Write): void {
    const file = this.files.get(fileNamedBy(write.payload as object) ?? '');
    if (file?.reservedBy === write.referenceId && !file.bound) this.set({ ...file, ...FREE });
  }

  /** The entity that had the file is gone, or has another. */
  letGo(id: string, atsId: string): void {
    this.files.delete(id);
    this.changed.set(id, { id, atsId, file: null });
  }

  settlements(): Settlement[] {
    return [...this.changed.values()];
  }

  private set(file: NamedFile): void {
    this.files.set(file.id, file);
    this.changed.set(file.id, { id: file.id, atsId: file.atsId, file });
  }
}
