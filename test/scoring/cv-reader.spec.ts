import childProcess from 'node:child_process';
import { Readable } from 'node:stream';
import { deflateSync } from 'node:zlib';
import { CvReader } from '../../src/scoring/cv-reader.service';
import { DOCX, docx, docxOf, documentXml, pdf, PDF, pdfOf } from '../support/cv-documents';
import { until } from '../support/until';

const NEVER = new AbortController().signal;

function read(type: string, content: Buffer, reader = new CvReader(), signal = NEVER) {
  return reader.read(type, async () => Readable.from(chunks(content)), signal);
}

function chunks(content: Buffer): Buffer[] {
  return Array.from({ length: Math.ceil(content.length / 65_536) }, (_, i) =>
    content.subarray(i * 65_536, (i + 1) * 65_536),
  );
}

/** For which part of the time that `work` took the event loop of this process was held up in one piece, at most. */
async function longestPause(work: Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  let [last, longest] = [startedAt, 0];
  const timer = setInterval(() => {
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  }, 5);
  await work.finally(() => clearInterval(timer));
  const now = performance.now();
  return Math.max(longest, now - last) / (now - startedAt);
}

afterEach(() => jest.restoreAllMocks());

test('reads the text of a PDF, line by line', async () => {
  expect(await read(PDF, pdf(['Jane Smith', 'TypeScript (6 years)']))).toEqual({
    text: expect.stringMatching(/Jane Smith\s*\n\s*TypeScript \(6 years\)/),
  });
});

test('reads the text of a DOCX', async () => {
  expect(await read(DOCX, docx(['Jane Smith', 'C++ &amp; Rust']))).toEqual({
    text: expect.stringMatching(/Jane Smith\s+C\+\+ & Rust/),
  });
});

test('says what it cannot read, and why', async () => {
  const pages: [string, Buffer, string][] = [
    [
      'application/msword',
      Buffer.from('\xd0\xcf\x11\xe0', 'latin1'),
      'files of the type application/msword cannot be read',
    ],
    [PDF, Buffer.from('%PDF-1.4 no more than that'), 'the file is damaged'],
    [PDF, Buffer.alloc(0), 'the file is damaged'],
    [PDF, pdf(['secret'], { encrypt: true }), 'it is protected by a password'],
    [DOCX, Buffer.from('PK\x03\x04 no more than that'), 'the file is damaged'],
    [DOCX, docxOf(Buffer.from('<w:document')), 'the file is damaged'],
    [PDF, Buffer.alloc(11 * 1024 * 1024), 'the file is too large'],
  ];
  for (const [type, content, fault] of pages) expect(await read(type, content)).toEqual({ fault });
});

test('gives at most 200,000 characters, without control characters', async () => {
  const made = await read(DOCX, docx([`a\u007fb ${'word '.repeat(100_000)}`]));
  expect(made).toEqual({ text: expect.stringMatching(/^a b word/) });
  expect((made as { text: string }).text).toHaveLength(200_000);
});

test.each<[string, string, () => Buffer]>([
  ['a zip bomb', DOCX, () => docxOf(Buffer.from(documentXml(`<w:p>${' '.repeat(500_000_000)}</w:p>`)))],
  ['a document of three million elements', DOCX, () => docxOf(Buffer.from(documentXml('<w:p/>'.repeat(3_000_000))))],
  ['a PDF that unpacks to a third of a gigabyte', PDF, () => pdfOf(deflateSync(Buffer.alloc(300_000_000, '0 ')))],
  [
    'a PDF that never comes to an end',
    PDF,
    () => pdfOf(deflateSync(Buffer.from(`BT /F1 9 Tf ${'(x) Tj '.repeat(4e6)} ET`))),
  ],
])('survives %s, and goes on answering meanwhile', async (_, type, make) => {
  const content = make();
  expect(content.length).toBeLessThan(10 * 1024 * 1024);
  // Read in this process it would be nearly all of it, every time; what else holds the machine up does so now and then.
  const made = await until('a reading that does not hold this process up', async () => {
    const reading = read(type, content);
    const paused = await longestPause(reading);
    return paused < 0.5 && (await reading)!;
  });
  if ('text' in made) expect(made.text.length).toBeLessThanOrEqual(200_000);
  else expect(made.fault).toMatch(/too much memory|too long|failed|damaged/);
});

test('reads two at once, the others in their turn; who gives up leaves its turn to the next', async () => {
  const reader = new CvReader();
  const opened: number[] = [];
  const content = pdf(['text']);
  const gaveUp = new AbortController();
  const reading = [0, 1, 2, 3].map((n) =>
    reader.read(
      PDF,
      async () => {
        opened.push(n);
        return Readable.from([content]);
      },
      n === 2 ? gaveUp.signal : NEVER,
    ),
  );
  const refused = expect(reading[2]).rejects.toThrow('no longer wanted');
  gaveUp.abort(new Error('no longer wanted'));
  await refused;
  expect(await Promise.all([reading[0], reading[1], reading[3]])).toHaveLength(3);
  expect(opened).toEqual([0, 1, 3]);
});

test('a reading that is given up ends its process at once', async () => {
  const spawned = jest.spyOn(childProcess, 'spawn');
  // Nor would the process be ended for taking too long, or end by itself with a signal.
  jest.spyOn(AbortSignal, 'timeout').mockReturnValue(NEVER);
  const gaveUp = new AbortController();
  const endless = new Readable({ read: () => undefined });
  const reading = new CvReader().read(PDF, async () => endless, gaveUp.signal);
  const refused = expect(reading).rejects.toThrow('stopping');
  const child = await until(
    'its process',
    () => spawned.mock.results[0]?.value as childProcess.ChildProcess | undefined,
  );
  gaveUp.abort(new Error('stopping'));
  await refused;
  expect(child.signalCode).toBe('SIGKILL');
  expect(endless.destroyed).toBe(true);
});

test('a content that breaks off is a fault of the store, not of the document', async () => {
  const broken = new Readable({
    read() {
      this.destroy(new Error('the disk is gone'));
    },
  });
  await expect(new CvReader().read(PDF, async () => broken, NEVER)).rejects.toThrow('the disk is gone');
});
