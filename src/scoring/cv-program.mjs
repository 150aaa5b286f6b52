// A program of its own, started by cv-reader.ts for one document: reads it on standard input, its media type is the
// argument, and writes `{"text":…}` or `{"fault":…}` on standard output. Its parent ends it when it takes too long.
//
// A process rather than a thread of the gateway: a thread's limit covers its objects only, not the buffers into which a
// zip bomb unpacks, and a fatal lack of memory in a thread ends the whole process. It has no environment and no secrets.
// Plain JavaScript, so that tests, build and image run the same file.
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

const MAX_BYTES = 10 * 1024 * 1024;
const MAX_TEXT = 200_000;
const MAX_PAGES = 200;
const MAX_MEMORY_BYTES = 768 * 1024 * 1024;
const MAX_HEAP_MB = 384;
const WATCH_MS = 20;
/** Longer than the parent's patience: it counts when the parent is gone. */
const LAST_RESORT_MS = 30_000;

const TOO_MUCH = 'it takes too much memory to read';
const DAMAGED = 'the file is damaged';
const FAILED = 'reading it failed';

/** The reading thread may never come back to its event loop; this one always does. */
async function supervise() {
  setInterval(() => {
    if (process.memoryUsage.rss() > MAX_MEMORY_BYTES) finish({ fault: TOO_MUCH });
  }, WATCH_MS);
  setTimeout(() => process.exit(1), LAST_RESORT_MS);
  // A terminal's Ctrl-C reaches the whole group; the gateway ends this process itself when it has to.
  process.on('SIGINT', () => undefined);
  const bytes = await readInput();
  if (bytes === null) return finish({ fault: 'the file is too large' });
  const thread = new Worker(new URL(import.meta.url), {
    workerData: { type: process.argv[2], bytes },
    transferList: [bytes.buffer],
    resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB, maxYoungGenerationSizeMb: 32 },
  });
  thread.once('message', finish);
  thread.once('error', (error) => finish({ fault: error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? TOO_MUCH : FAILED }));
}

/** At once, whatever the thread is doing. */
function finish(result) {
  process.stdout.write(JSON.stringify(result), () => process.exit(0));
}

async function readInput() {
  const chunks = [];
  let size = 0;
  for await (const chunk of process.stdin) {
    size += chunk.length;
    if (size > MAX_BYTES) return null;
    chunks.push(chunk);
  }
  // A copy that shares its memory with nothing, so that it can be handed over.
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

async function read(type, bytes) {
  // Outside of the catch: that a library is missing is not the document's fault.
  const library = await LIBRARIES[type]();
  try {
    const text = (await READERS[type](library, bytes)).slice(0, MAX_TEXT);
    // eslint-disable-next-line no-control-regex -- none of these is text, and PostgreSQL's text holds no NUL
    return { text: text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]+/g, ' ').toWellFormed() };
  } catch (error) {
    return { fault: faultOf(error) };
  }
}

const PDF = 'application/pdf';
const DOCX = 'application/vnd.openxmlformats-officedocument.wordprocessingml.document';
const LIBRARIES = { [PDF]: () => import('unpdf'), [DOCX]: () => import('mammoth') };
const READERS = { [PDF]: readPdf, [DOCX]: readDocx };

async function readPdf({ getDocumentProxy }, bytes) {
  const pdf = await getDocumentProxy(bytes, { verbosity: 0, maxImageSize: 0, enableXfa: false });
  let text = '';
  for (let number = 1; number <= Math.min(pdf.numPages, MAX_PAGES) && text.length < MAX_TEXT; number++) {
    const page = await pdf.getPage(number);
    const { items } = await page.getTextContent();
    for (const item of items) text += (item.str ?? '') + (item.hasEOL ? '\n' : '');
    text += '\n';
    page.cleanup();
  }
  return text;
}

async function readDocx({ default: mammoth }, bytes) {
  const { value } = await mammoth.extractRawText({ buffer: Buffer.from(bytes.buffer) });
  return value;
}

function faultOf(error) {
  if (error?.name === 'PasswordException') return 'it is protected by a password';
  return error instanceof RangeError ? TOO_MUCH : DAMAGED;
}

if (isMainThread) await supervise();
else parentPort.postMessage(await read(workerData.type, workerData.bytes));
