import { crc32 } from 'node:zlib';

const SECTOR = 512;
const ENTRY = 128;
const FREE = 0xffffffff;
const END = 0xfffffffe;
const FAT = 0xfffffffd;

/** A storage of an OLE compound file: its streams by name, and the storages inside it. */
export type Tree = { readonly [name: string]: Tree | 'stream' };

interface Entry {
  name: string;
  kind: number;
  right: number;
  child: number;
}

/** An OLE compound file as Word 97, Excel 97 and Outlook write them, its streams empty. */
export function compoundFile(root: Tree): Buffer {
  const entries: Entry[] = [{ name: 'Root Entry', kind: 5, right: FREE, child: FREE }];
  place(entries, 0, root);
  const sectors = Math.ceil(entries.length / (SECTOR / ENTRY));
  const file = Buffer.alloc((2 + sectors) * SECTOR);
  Buffer.from('d0cf11e0a1b11ae1', 'hex').copy(file);
  file.writeUInt16LE(0x3e, 24);
  file.writeUInt16LE(3, 26);
  file.writeUInt16LE(0xfffe, 28);
  file.writeUInt16LE(9, 30);
  file.writeUInt16LE(6, 32);
  file.writeUInt32LE(1, 44);
  file.writeUInt32LE(1, 48);
  file.writeUInt32LE(4096, 56);
  file.writeUInt32LE(END, 60);
  file.writeUInt32LE(END, 68);
  file.fill(0xff, 76, SECTOR).writeUInt32LE(0, 76);
  file.fill(0xff, SECTOR, 2 * SECTOR).writeUInt32LE(FAT, SECTOR);
  for (let n = 1; n <= sectors; n++) file.writeUInt32LE(n < sectors ? n + 1 : END, SECTOR + n * 4);
  entries.forEach((entry, n) => writeEntry(file.subarray(2 * SECTOR + n * ENTRY), entry));
  return file;
}

function place(entries: Entry[], parent: number, tree: Tree): void {
  let last: Entry | undefined;
  for (const [name, content] of Object.entries(tree)) {
    const at = entries.length;
    const entry = { name, kind: content === 'stream' ? 2 : 1, right: FREE, child: FREE };
    entries.push(entry);
    if (last === undefined) entries[parent]!.child = at;
    else last.right = at;
    if (content !== 'stream') place(entries, at, content);
    last = entry;
  }
}

function writeEntry(at: Buffer, { name, kind, right, child }: Entry): void {
  at.writeUInt16LE(at.write(name, 'utf16le') + 2, 64);
  at.writeUInt8(kind, 66);
  at.writeUInt8(1, 67);
  at.writeUInt32LE(FREE, 68);
  at.writeUInt32LE(right, 72);
  at.writeUInt32LE(child, 76);
  at.writeUInt32LE(END, 116);
}

/** A zip archive, its files stored as they are. */
export function zip(files: Readonly<Record<string, string>>): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, text] of Object.entries(files)) {
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(20, 0);
    fields.writeUInt32LE(crc32(text), 10);
    fields.writeUInt32LE(Buffer.byteLength(text), 14);
    fields.writeUInt32LE(Buffer.byteLength(text), 18);
    fields.writeUInt16LE(Buffer.byteLength(name), 22);
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), fields, Buffer.from(name), Buffer.from(text)]);
    const where = Buffer.alloc(14);
    where.writeUInt32LE(offset, 10);
    directory.push(Buffer.concat([Buffer.from('PK\x01\x02\x14\0'), fields, where, Buffer.from(name)]));
    parts.push(local);
    offset += local.length;
  }
  const end = Buffer.alloc(18);
  end.writeUInt16LE(parts.length, 4);
  end.writeUInt16LE(parts.length, 6);
  end.writeUInt32LE(Buffer.concat(directory).length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...parts, ...directory, Buffer.from('PK\x05\x06'), end]);
}

/** An Office Open XML file whose main part has this content type. */
function openXml(main: string, folder: string): Buffer {
  return zip({
    '[Content_Types].xml': `<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Override PartName="/${folder}/main.xml" ContentType="${main}.main+xml"/></Types>`,
    [`${folder}/main.xml`]: '<main/>',
  });
}

const OPEN_XML = 'application/vnd.openxmlformats-officedocument';

export const pdf = (size = 300): Buffer => Buffer.concat([Buffer.from('%PDF-1.7\n'), Buffer.alloc(size - 9, 0x20)]);
export const docx = (): Buffer => openXml(`${OPEN_XML}.wordprocessingml.document`, 'word');
export const xlsx = (): Buffer => openXml(`${OPEN_XML}.spreadsheetml.sheet`, 'xl');
export const pptx = (): Buffer => openXml(`${OPEN_XML}.presentationml.presentation`, 'ppt');
export const docm = (): Buffer => openXml('application/vnd.ms-word.document.macroEnabled', 'word');
export const jar = (): Buffer => zip({ 'META-INF/MANIFEST.MF': 'Manifest-Version: 1.0', 'word/document.xml': '<x/>' });
export const doc = (): Buffer =>
  compoundFile({ '1Table': 'stream', '\x05SummaryInformation': 'stream', Data: 'stream', WordDocument: 'stream' });
/** A workbook into which a Word document is embedded. */
export const xls = (): Buffer => compoundFile({ MBD00012345: { WordDocument: 'stream' }, Workbook: 'stream' });
export const ppt = (): Buffer => compoundFile({ 'PowerPoint Document': 'stream', 'Current User': 'stream' });
export const msg = (): Buffer =>
  compoundFile({ __properties_version1: 'stream', '__attach_version1.0_#00000000': { WordDocument: 'stream' } });
