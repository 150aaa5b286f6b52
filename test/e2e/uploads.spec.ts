import { mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { Accounts } from '../../src/accounts/accounts.service';
import { Sweeper } from '../../src/uploads/sweeper.service';
import { exchange } from '../http/small-app';
import { doc, docx, jar, msg, pdf, xls, xlsx } from '../support/documents';
import { makeAccount, startGateway, type Gateway, type TestAccount } from '../support/gateway';
import { until } from '../support/until';
import { filesIn, form, upload, uploaded, type Part, type Upload } from '../support/uploads';

const MIB = 1024 * 1024;
const WORD = 'application/vnd.openxmlformats-officedocument.wordprocessingml.document';

let dataDir: string;
let gateway: Gateway;
let database: Client;
let account: TestAccount;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'gateway-uploads-'));
  gateway = await startGateway({ env: { DATA_DIR: dataDir } });
  database = new Client({ connectionString: gateway.databaseUrl });
  await database.connect();
  account = await makeAccount(gateway, 'acme', null, ['client-1', 'client-2']);
});

afterAll(async () => {
  await database.end();
  await gateway.close();
  await rm(dataDir, { recursive: true });
});

const send = (parts?: readonly Part[], more?: Upload): ReturnType<typeof upload> =>
  upload(gateway, account, parts, more);
const sweep = (): Promise<number> => gateway.app.get(Sweeper).sweep();

async function rows(): Promise<{ carv_file_id: string; state: string }[]> {
  return (await database.query<{ carv_file_id: string; state: string }>('select * from upload order by carv_file_id'))
    .rows;
}

/** Everything there is: the rows, what they promise, and what lies on the disk. */
async function traces(): Promise<object> {
  return { rows: await rows(), ...(await filesIn(dataDir)) };
}

describe('an upload', () => {
  test.each([
    ['PDF', pdf(), 'application/pdf'],
    ['DOC', doc(), 'application/msword'],
    ['DOCX', docx(), WORD],
  ])(
    'of a %s is answered with what it is, whatever the client calls it, and kept for 72 hours',
    async (_, bytes, type) => {
      const begun = Date.now();
      const { status, headers, body } = await send([{ name: 'cv.exe', type: 'text/html', bytes }]);
      expect(status).toBe(200);
      expect(headers.get('content-type')).toMatch(/^application\/json/);
      expect(body).toEqual({
        carv_file_id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7/),
        file_name: 'cv.exe',
        content_type: type,
        file_size: bytes.length,
        uploaded_at: expect.stringMatching(/^\d{4}-\d{2}-\d{2}T[\d:.]+Z$/),
        expires_at: expect.any(String),
      });
      const at = Date.parse(String(body.uploaded_at));
      expect(Math.abs(at - begun)).toBeLessThan(30_000);
      expect(Date.parse(String(body.expires_at)) - at).toBe(72 * 3_600_000);
      expect(await readFile(join(dataDir, 'uploads', String(body.carv_file_id)))).toEqual(bytes);
      expect((await filesIn(dataDir)).incoming).toEqual([]);
    },
  );

  test('keeps of the name what can be shown', async () => {
    const names = ['Lebenslauf Müller.pdf', '../../etc/passwd', 'C:\\\\tmp\\\\cv.pdf', 'a\u0000\u202eb.pdf', '', '..'];
    const kept = await Promise.all(names.map(async (name) => (await send([{ name }])).body.file_name));
    expect(kept).toEqual(['Lebenslauf Müller.pdf', 'passwd', 'cv.pdf', 'ab.pdf', 'file', 'file']);
  });

  test('takes exactly 10 MiB, its length declared or not', async () => {
    expect((await send([{ bytes: pdf(10 * MIB) }])).body).toMatchObject({ file_size: 10 * MIB });
    expect((await send([{ bytes: pdf(10 * MIB) }], { chunked: true })).status).toBe(200);
  });

  test('needs no user, ignores small fields beside the file, and takes a file part without a name', async () => {
    const parts = [{ field: 'note', name: null, bytes: Buffer.from('hello') }, { name: null }];
    expect(await send(parts)).toMatchObject({ status: 200, body: { file_name: 'file' } });
  });
});

describe('refused, with nothing left behind:', () => {
  const TYPE = 'The file must be a PDF, DOC or DOCX';
  const NO_FILE = 'file is required, as the one file of the form';
  const WELL_FORMED = 'The body is not well-formed multipart/form-data';
  const cut = (): Upload => {
    const { type, body } = form([{}]);
    return { type, body: body.subarray(0, -40) };
  };
  const raw = (body: string): Upload => ({ type: 'multipart/form-data; boundary=b', body: Buffer.from(body) });

  test.each<[string, number, string, Part[], Upload?]>([
    ['a workbook called a DOC', 415, TYPE, [{ name: 'cv.doc', type: 'application/msword', bytes: xls() }]],
    ['a mail called a DOC', 415, TYPE, [{ name: 'cv.doc', bytes: msg() }]],
    ['an XLSX called a DOCX', 415, TYPE, [{ name: 'cv.docx', type: WORD, bytes: xlsx() }]],
    ['a JAR called a DOCX', 415, TYPE, [{ name: 'cv.docx', bytes: jar() }]],
    ['a page called a PDF', 415, TYPE, [{ type: 'application/pdf', bytes: Buffer.from('<html>%PDF-1.7') }]],
    [
      'a file of 10 MiB and a byte',
      413,
      'The file must not be larger than 10485760 bytes',
      [{ bytes: pdf(10 * MIB + 1) }],
    ],
    ['a file of 40 MiB', 413, 'The file must not be larger than 10485760 bytes', [{ bytes: pdf(40 * MIB) }]],
    ['an empty file', 422, 'file must not be empty', [{ bytes: Buffer.alloc(0) }]],
    ['no part at all', 422, NO_FILE, [], raw('--b--\r\n')],
    ['an empty body', 400, WELL_FORMED, [], raw('')],
    ['only a field', 422, NO_FILE, [{ field: 'note', name: null }]],
    ['a file under another name', 422, NO_FILE, [{ field: 'cv' }]],
    ['two files', 422, 'file must be sent once', [{}, {}]],
    ['a file and another one', 422, 'file must be sent once', [{}, { field: 'cv' }]],
    [
      'many parts',
      422,
      'file must not come with so many other parts',
      Array(30).fill({ field: 'f', name: null }) as Part[],
    ],
    ['a body that breaks off', 400, WELL_FORMED, [], cut()],
    ['a body of other boundaries', 400, WELL_FORMED, [], raw('--c\r\n\r\nx\r\n--c--\r\n')],
    ['a part without headers', 422, NO_FILE, [], raw('--b\r\n\r\nx\r\n--b--\r\n')],
    ['no boundary', 400, 'Content-Type names no boundary', [{}], { type: 'multipart/form-data' }],
    [
      'a boundary that is too long',
      400,
      'Content-Type names no boundary',
      [{}],
      { type: `multipart/form-data; boundary=${'b'.repeat(71)}` },
    ],
    [
      'JSON',
      415,
      'Content-Type must be multipart/form-data',
      [],
      { type: 'application/json', body: Buffer.from('{}') },
    ],
    [
      'a form',
      415,
      'Content-Type must be multipart/form-data',
      [],
      { type: 'application/x-www-form-urlencoded', body: Buffer.from('file=x') },
    ],
    [
      'a compressed body',
      415,
      'Content-Encoding is not supported: send the body as it is',
      [{}],
      { headers: { 'Content-Encoding': 'gzip' } },
    ],
    ['no client', 422, 'X-ATS-Client-ID is required', [{}], { clientId: null }],
    [
      'a client without a workspace',
      409,
      'This client has no workspace yet; provision it with POST /v1/workspaces',
      [{}],
      { clientId: 'nobody' },
    ],
    ['no key', 401, 'Invalid or missing API key', [{}], { headers: { 'X-API-Key': 'wrong' } }],
    [
      'no key, and 10 MiB',
      401,
      'Invalid or missing API key',
      [{ bytes: pdf(10 * MIB) }],
      { headers: { 'X-API-Key': 'wrong' } },
    ],
  ])('%s is %d', async (_, status, detail, parts, ...[more]) => {
    const before = await traces();
    const answer = await send(parts, more);
    expect(answer).toMatchObject({ status, body: { detail, status, request_id: expect.any(String) } });
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(await traces()).toEqual(before);
  });

  test.each([false, true])(
    'a body whose other parts are more than a file may be (length undeclared: %s)',
    async (chunked) => {
      const before = await traces();
      const { type, body } = form([{}]);
      const noise = `--${type.split('=')[1]!}\r\nContent-Disposition: form-data; name="n"\r\n\r\n${'x'.repeat(3 * MIB)}\r\n`;
      const answer = await send([], { type, body: Buffer.concat([Buffer.from(noise.repeat(4)), body]), chunked });
      expect(answer.status).toBe(413);
      expect(await traces()).toEqual(before);
    },
  );

  test('a key that was rotated away while the file came', async () => {
    const own = await makeAccount(gateway, 'rotating', null);
    await upload(gateway, own);
    const before = await filesIn(dataDir);
    const { type, body } = form([{ bytes: pdf(100_000) }]);
    const head = `POST /uploads HTTP/1.1\r\nHost: x\r\nX-API-Key: ${own.apiKey}\r\nX-ATS-Client-ID: client-1\r\n`;
    const socket = connect(Number(new URL(gateway.origin).port), '127.0.0.1');
    let answer = '';
    socket.on('data', (chunk) => (answer += chunk.toString()));
    socket.write(`${head}Content-Type: ${type}\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`);
    socket.write(body.subarray(0, 50_000));
    await until('the upload to begin', async () => (await filesIn(dataDir)).incoming.length === 1);
    await gateway.app.get(Accounts).rotateApiKey('rotating', 'test');
    socket.write(body.subarray(50_000));
    await until('an answer', () => answer.includes('Invalid or missing API key'));
    expect(answer).toMatch(/^HTTP\/1.1 401 /);
    // Its object is there, with a row that was never completed: the sweeper's.
    await database.query(`update upload set sweep_at = now() where state = 'pending'`);
    expect(await sweep()).toBe(1);
    expect(await filesIn(dataDir)).toEqual(before);
  });

  test('an upload that its client breaks off', async () => {
    const before = await traces();
    const { type, body } = form([{ bytes: pdf(5 * MIB) }]);
    const head = `POST /uploads HTTP/1.1\r\nHost: x\r\nX-API-Key: ${account.apiKey}\r\nX-ATS-Client-ID: client-1\r\n`;
    for (const end of ['destroy', 'end'] as const) {
      const socket = connect(Number(new URL(gateway.origin).port), '127.0.0.1');
      socket.on('error', () => undefined);
      socket.write(`${head}Content-Type: ${type}\r\nContent-Length: ${body.length}\r\n\r\n`);
      socket.write(body.subarray(0, MIB));
      await until('the upload to begin', async () => (await filesIn(dataDir)).incoming.length === 1);
      socket[end]();
      await until('nothing to be left', async () => JSON.stringify(await traces()) === JSON.stringify(before));
      socket.destroy();
    }
  });

  test('bytes that are no multipart, whatever they are', async () => {
    const before = await traces();
    let seed = 11;
    const next = (n: number): number => (seed = (seed * 48_271) % 2_147_483_647) % n;
    const { type, body } = form([{ field: 'note', name: null, bytes: Buffer.from('x') }, {}], 'b');
    for (let round = 0; round < 400; round++) {
      const bytes = Buffer.from(body);
      for (let change = 0; change < 4; change++)
        bytes[next(bytes.length)] = [13, 10, 45, 34, 58, 0, 255, next(256)][next(8)]!;
      const { status } = await send([], {
        type,
        body: bytes.subarray(0, next(4) === 0 ? next(bytes.length) : undefined),
      });
      expect([200, 400, 413, 415, 422]).toContain(status);
    }
    await database.query(`update upload set sweep_at = now() where not carv_file_id = any($1)`, [
      (before as { rows: { carv_file_id: string }[] }).rows.map((row) => row.carv_file_id),
    ]);
    await sweep();
    expect(await traces()).toEqual(before);
  });
});

test('the route is the only one whose body is not read beforehand', async () => {
  const { type, body } = form([{ bytes: pdf(2 * MIB) }]);
  const headers = {
    'X-API-Key': account.apiKey,
    'X-ATS-Client-ID': 'client-1',
    'X-ATS-User-ID': 'u',
    'Content-Type': type,
  };
  for (const path of ['/v1/candidates', '/uploads/x', '/v1/uploads', '//uploads']) {
    const response = await fetch(gateway.origin + path, { method: 'POST', headers, body: new Uint8Array(body) });
    expect([413]).toContain(response.status);
  }
  for (const path of ['/uploads/', '/UPLOADS']) {
    const response = await fetch(gateway.origin + path, { method: 'POST', headers, body: new Uint8Array(body) });
    expect(response.status).toBe(200);
  }
  const port = Number(new URL(gateway.origin).port);
  expect(await exchange(port, 'GET /uploads HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')).toMatch(
    /^HTTP\/1.1 404 /,
  );
});

describe('the sweeper', () => {
  test('removes what nobody named in 72 hours, and what never arrived whole, the file before its row', async () => {
    const [fresh, old, half] = [
      await uploaded(gateway, account),
      await uploaded(gateway, account),
      await uploaded(gateway, account),
    ];
    await database.query(
      `update upload set sweep_at = now() - interval '1 s', expires_at = now() where carv_file_id = $1`,
      [old],
    );
    await database.query(
      `update upload set state = 'pending', sweep_at = now() - interval '1 s' where carv_file_id = $1`,
      [half],
    );
    expect(await sweep()).toBe(2);
    expect((await rows()).map((row) => row.carv_file_id)).toContain(fresh);
    const { stored } = await filesIn(dataDir);
    expect(stored).toContain(fresh);
    for (const id of [old, half])
      expect([...stored, ...(await rows()).map((row) => row.carv_file_id)]).not.toContain(id);
    expect(await sweep()).toBe(0);
  });

  test('shares the work with the sweepers of other processes', async () => {
    const replica = await startGateway({ databaseUrl: gateway.databaseUrl, env: { DATA_DIR: dataDir } });
    const ids = await Promise.all(Array.from({ length: 120 }, () => uploaded(gateway, account)));
    await database.query('update upload set sweep_at = now() where carv_file_id = any($1)', [ids]);
    const counts = await Promise.all([sweep(), replica.app.get(Sweeper).sweep(), sweep()]);
    expect(counts.reduce((sum, n) => sum + n)).toBe(120);
    const { stored } = await filesIn(dataDir);
    expect(stored.filter((id) => ids.includes(id))).toEqual([]);
    await replica.close();
  });

  test('removes what a killed process had been receiving, once no request can be that old', async () => {
    const incoming = join(dataDir, 'uploads', 'incoming');
    await writeFile(join(incoming, 'young'), 'x');
    await writeFile(join(incoming, 'old'), 'x');
    const old = Date.now() / 1000 - 3700;
    await utimes(join(incoming, 'old'), old, old);
    await sweep();
    expect((await filesIn(dataDir)).incoming).toEqual(['young']);
    await rm(join(incoming, 'young'));
  });
});
