import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { readEnv } from '../../src/config/read-env';
import { configureLogger } from '../../src/observability/logger';
import { exchange, LogLines, startSmallApp, type SmallApp } from './small-app';

/** Node asks for it with a streamed body; the browser's types, which come with JSX, do not know it. */
const HALF = { duplex: 'half' };
const MIB = 1024 * 1024;

let app: SmallApp;
let log: LogLines;

beforeAll(async () => (app = await startSmallApp()));
afterAll(() => app.close());
beforeEach(() => configureLogger(readEnv({ NODE_ENV: 'test', LOG_LEVEL: 'debug' }), (log = new LogLines())));

const post = (body: NonNullable<RequestInit['body']>, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${app.url}/echo`, { method: 'POST', body, headers });

const head = (...headers: string[]): string => ['POST /echo HTTP/1.1', 'Host: x', ...headers, '', ''].join('\r\n');

async function echoes(): Promise<void> {
  expect(await (await post('still here')).json()).toEqual({ bytes: 10, head: 'still here' });
}

/** A body of `n` bytes whose length is not declared. */
function chunked(n: number): ReadableStream {
  let left = n;
  return new ReadableStream({
    pull(controller) {
      if (left <= 0) controller.close();
      else controller.enqueue(new Uint8Array(Math.min(left, 65_536)));
      left -= 65_536;
    },
  });
}

describe('the body reader', () => {
  it('hands over the very bytes, of any content type, in one buffer', async () => {
    const bytes = new Uint8Array(300_000).map((_, n) => n % 251);
    const answer = await post(bytes, { 'Content-Type': 'image/png' });
    expect(await answer.json()).toEqual({ bytes: 300_000, head: Buffer.from(bytes.slice(0, 16)).toString('latin1') });
  });

  it('gives an empty buffer where there is no body', async () => {
    expect(await (await post('')).json()).toEqual({ bytes: 0, head: '' });
  });

  it('takes a body of exactly 1 MiB, declared or not', async () => {
    expect(await (await post(new Uint8Array(MIB))).json()).toMatchObject({ bytes: MIB });
    const streamed = await fetch(`${app.url}/echo`, { method: 'POST', body: chunked(MIB), ...HALF });
    expect(await streamed.json()).toMatchObject({ bytes: MIB });
  });

  it.each([
    ['1 MiB and a byte', MIB + 1],
    ['2 MiB', 2 * MIB],
    ['6 MiB', 6 * MIB],
  ])('answers a body of %s with a 413 that the client gets to read', async (_, size) => {
    for (let round = 0; round < 5; round++) {
      const answer = await post(new Uint8Array(size), { 'X-Request-Id': 'big' });
      expect(answer.headers.get('content-type')).toBe('application/problem+json');
      expect(await answer.json()).toEqual({
        type: 'about:blank',
        title: 'Payload Too Large',
        status: 413,
        detail: 'The body must not be larger than 1048576 bytes',
        request_id: 'big',
      });
    }
    await echoes();
  });

  it('lets a client that writes its whole body before it reads anything see the 413 too', async () => {
    for (let round = 0; round < 5; round++) {
      const socket = connect(app.port, '127.0.0.1').pause();
      await new Promise<void>((resolve, reject) => {
        socket.once('error', reject);
        socket.write(Buffer.concat([Buffer.from(head(`Content-Length: ${6 * MIB}`)), Buffer.alloc(6 * MIB)]), () =>
          resolve(),
        );
      });
      const answer = await new Promise<Buffer>((resolve) => socket.once('data', resolve).resume());
      expect(answer.toString()).toMatch(/^HTTP\/1\.1 413 /);
      socket.destroy();
    }
  });

  it('stops at the limit of a body that declares no length', async () => {
    const answer = await fetch(`${app.url}/echo`, { method: 'POST', body: chunked(4 * MIB), ...HALF });
    expect(answer.status).toBe(413);
    await echoes();
  });

  it('refuses by the declared length alone, before a byte of the body came, and closes the connection', async () => {
    const answer = await exchange(app.port, head('Content-Length: 99999999999'));
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(answer).toMatch(/\r\nConnection: close\r\n/);
  });

  it('does not read an endless body to its end', async () => {
    const socket = connect(app.port, '127.0.0.1');
    let sent = 0;
    const block = Buffer.alloc(256 * 1024);
    const pump = (): void => {
      while (!socket.destroyed && sent < 512 * MIB) {
        sent += block.length;
        if (!socket.write(block)) return void socket.once('drain', pump);
      }
    };
    socket.on('error', () => undefined);
    socket.write(head('Content-Length: 99999999999'), pump);
    await new Promise((resolve) => socket.once('close', resolve));
    expect(sent).toBeLessThan(64 * MIB);
    await echoes();
  });

  it.each(['gzip', 'br', 'deflate', 'GZIP', 'gzip, identity'])(
    'refuses content-encoding %s with 415',
    async (encoding) => {
      const answer = await post(gzipSync('{}'), { 'Content-Encoding': encoding });
      expect(await answer.json()).toMatchObject({ status: 415, title: 'Unsupported Media Type' });
      await echoes();
    },
  );

  it('takes content-encoding identity, which is none', async () => {
    expect((await post('x', { 'Content-Encoding': 'identity' })).status).toBe(201);
  });

  it('neither answers nor fails nor hangs when an upload is broken off', async () => {
    const socket = connect(app.port, '127.0.0.1');
    socket.write(head('Content-Length: 1000', 'X-Request-Id: gone', 'Expect: 100-continue') + 'only a part');
    // It answers so once it has begun to read.
    await new Promise((resolve) => socket.once('data', resolve));
    socket.destroy();
    expect(await log.first('request.completed')).toMatchObject({ request_id: 'gone', status: null, aborted: true });
    expect(log.lines.filter((line) => line.level === 'error')).toEqual([]);
    await echoes();
  });

  it('survives a client that leaves in the middle of being refused', async () => {
    const socket = connect(app.port, '127.0.0.1');
    socket.write(head(`Content-Length: ${9 * MIB}`) + 'x'.repeat(1000));
    await new Promise((resolve) => socket.once('data', resolve));
    socket.destroy();
    expect(await log.first('request.completed')).toMatchObject({ status: 413 });
    expect(log.lines.filter((line) => line.level === 'error')).toEqual([]);
    await echoes();
  });

  it('reads a second request on the connection of the first', async () => {
    const answer = await exchange(
      app.port,
      head('Content-Length: 3') + 'one',
      head('Content-Length: 3', 'Connection: close') + 'two',
    );
    expect(answer.match(/"head":"(one|two)"/g)).toEqual(['"head":"one"', '"head":"two"']);
  });
});
