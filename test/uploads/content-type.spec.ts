import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { contentTypeOf } from '../../src/uploads/content-type';
import { compoundFile, doc, docm, docx, jar, msg, pdf, ppt, pptx, xls, xlsx, zip } from '../support/documents';

let directory: string;

beforeAll(async () => (directory = await mkdtemp(join(tmpdir(), 'gateway-types-'))));
afterAll(() => rm(directory, { recursive: true }));

async function typeOf(bytes: Buffer): Promise<string | null> {
  const path = join(directory, 'file');
  await writeFile(path, bytes);
  const handle = await open(path);
  return contentTypeOf(path, handle).finally(() => handle.close());
}

const WORD = 'application/vnd.openxmlformats-officedocument.wordprocessingml.document';

it.each([
  ['a PDF', pdf(), 'application/pdf'],
  ['a DOCX', docx(), WORD],
  ['a DOC', doc(), 'application/msword'],
  ['a DOC with a long directory', compoundFile({ ...many(400), WordDocument: 'stream' }), 'application/msword'],
])('takes %s', async (_, bytes, type) => {
  expect(await typeOf(bytes)).toBe(type);
});

it.each([
  ['a workbook of the same container with a Word document embedded', xls()],
  ['slides of the same container', ppt()],
  ['a mail of the same container with a Word document attached', msg()],
  ['an encrypted package', compoundFile({ EncryptionInfo: 'stream', EncryptedPackage: 'stream' })],
  ['a storage that only has the name', compoundFile({ WordDocument: { Data: 'stream' } })],
  ['the mark of a compound file alone', Buffer.from('d0cf11e0a1b11ae1', 'hex')],
  ['a compound file cut off behind its header', doc().subarray(0, 512)],
  ['an XLSX', xlsx()],
  ['a PPTX', pptx()],
  ['a DOC with macros', docm()],
  ['a JAR', jar()],
  ['a zip archive', zip({ 'a.txt': 'a' })],
  ['the mark of a zip archive alone', Buffer.from('PK\x03\x04')],
  ['an empty zip archive', zip({})],
  ['a text that speaks of PDF', Buffer.from('This is no %PDF-1.7')],
  ['a page', Buffer.from('<!doctype html><script>alert(1)</script>')],
  ['a program', Buffer.from('7f454c4602010100', 'hex')],
  ['a picture', Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex')],
  ['one byte', Buffer.from('%')],
])('refuses %s', async (_, bytes) => {
  expect(await typeOf(bytes)).toBeNull();
});

function many(n: number): Record<string, 'stream'> {
  return Object.fromEntries(Array.from({ length: n }, (_, i) => [`s${i}`, 'stream' as const]));
}

it('ends, and refuses, whatever loops and nonsense a compound file holds', async () => {
  // Deterministic, so that a failure can be repeated.
  let seed = 7;
  const next = (n: number): number => (seed = (seed * 48_271) % 2_147_483_647) % n;
  for (let round = 0; round < 300; round++) {
    const bytes = compoundFile(many(20));
    for (let change = 0; change < 12; change++) {
      const at = 24 + next(bytes.length - 28);
      bytes.writeUInt32LE([0, 1, next(8), 0xfffffffa, 0x7fffffff][next(5)]!, at);
    }
    expect(await typeOf(bytes)).toBeNull();
  }
  const loop = compoundFile(many(20));
  loop.writeUInt32LE(1, 512 + 4);
  expect(await typeOf(loop)).toBeNull();
});
