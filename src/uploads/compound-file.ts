import type { FileHandle } from 'node:fs/promises';

/** Sizes and offsets of [MS-CFB], sections 2.2 and 2.6. */
const HEADER_SIZE = 512;
const HEADER_FAT_ENTRIES = 109;
const ENTRY_SIZE = 128;
const STREAM = 2;
const ROOT = 5;
/** From here on, sector numbers and entry numbers are marks such as "end of chain". */
const MAX_NUMBER = 0xfffffffa;
/** A document has some dozens of entries; what has more is read no further. */
const MAX_ENTRIES = 4096;

interface Layout {
  readonly handle: FileHandle;
  readonly sectorSize: number;
  readonly header: Buffer;
}

interface Entry {
  readonly name: string;
  readonly kind: number;
  readonly left: number;
  readonly right: number;
  readonly child: number;
}

/**
 * Whether the OLE compound file holds a Word document: whether a stream `WordDocument` lies directly in its root. In
 * workbooks, slides and mails it may lie deeper, in the storage of what is embedded, so every name alone proves nothing.
 *
 * Reads the header, the file allocation table and the directory, never the whole file.
 */
export async function isWordDocument(handle: FileHandle): Promise<boolean> {
  const header = await read(handle, 0, HEADER_SIZE);
  const shift = header?.readUInt16LE(30);
  if (header === null || (shift !== 9 && shift !== 12)) return false;
  const directory = await readDirectory({ handle, header, sectorSize: 2 ** shift });
  const [root] = directory;
  if (root?.kind !== ROOT) return false;
  const names = rootStreams(directory, root.child);
  return names.has('WordDocument');
}

async function readDirectory(layout: Layout): Promise<Entry[]> {
  const entries: Entry[] = [];
  let sector = layout.header.readUInt32LE(48);
  while (sector < MAX_NUMBER && entries.length < MAX_ENTRIES) {
    const bytes = await readSector(layout, sector);
    if (bytes === null) return [];
    for (let at = 0; at < bytes.length; at += ENTRY_SIZE) entries.push(toEntry(bytes.subarray(at, at + ENTRY_SIZE)));
    const next = await following(layout, sector);
    if (next === null) return [];
    sector = next;
  }
  return entries;
}

/** The sector behind this one in its chain, from the file allocation table; null when the table is broken. */
async function following(layout: Layout, sector: number): Promise<number | null> {
  const perSector = layout.sectorSize / 4;
  const table = await fatSector(layout, Math.floor(sector / perSector));
  const bytes = table === null ? null : await readSector(layout, table);
  return bytes === null ? null : bytes.readUInt32LE((sector % perSector) * 4);
}

/** Where the nth sector of the table lies: the header lists the first 109, a chain of sectors the others. */
async function fatSector(layout: Layout, n: number): Promise<number | null> {
  if (n < HEADER_FAT_ENTRIES) return layout.header.readUInt32LE(76 + n * 4);
  const perSector = layout.sectorSize / 4 - 1;
  const hops = Math.floor((n - HEADER_FAT_ENTRIES) / perSector);
  // The largest upload needs one; more would only keep us reading.
  if (hops > 8) return null;
  let bytes = await readSector(layout, layout.header.readUInt32LE(68));
  for (let hop = 0; hop < hops && bytes !== null; hop++) {
    bytes = await readSector(layout, bytes.readUInt32LE(layout.sectorSize - 4));
  }
  return bytes === null ? null : bytes.readUInt32LE(((n - HEADER_FAT_ENTRIES) % perSector) * 4);
}

/** The names of the streams among the siblings that hang, as a tree, on the root's child. */
function rootStreams(directory: readonly Entry[], child: number): Set<string> {
  const names = new Set<string>();
  const visited = new Set<number>();
  const waiting = [child];
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    const entry = directory[at];
    if (entry === undefined || visited.has(at)) continue;
    visited.add(at);
    if (entry.kind === STREAM) names.add(entry.name);
    waiting.push(entry.left, entry.right);
  }
  return names;
}

function toEntry(bytes: Buffer): Entry {
  const length = Math.max(0, Math.min(64, bytes.readUInt16LE(64)) - 2);
  return {
    name: bytes.toString('utf16le', 0, length),
    kind: bytes.readUInt8(66),
    left: bytes.readUInt32LE(68),
    right: bytes.readUInt32LE(72),
    child: bytes.readUInt32LE(76),
  };
}

/** The header takes the place of a sector, however large that is. */
function readSector({ handle, sectorSize }: Layout, sector: number): Promise<Buffer | null> {
  return sector < MAX_NUMBER ? read(handle, (sector + 1) * sectorSize, sectorSize) : Promise.resolve(null);
}

async function read(handle: FileHandle, position: number, length: number): Promise<Buffer | null> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, position);
  // Some writers leave out the rest of the last sector.
  return bytesRead > 0 ? buffer : null;
}
