import type { Request, Response } from 'express';
import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { request } from 'undici';
import { DomainError } from '../../src/errors';
import { sendProblem } from '../../src/http/problem';
import { receiveFile } from '../../src/uploads/multipart';
import { until } from '../support/until';

let directory: string;
let server: Server;
let port: number;
let dripping: NodeJS.Timeout | undefined;
const outcomes: unknown[] = [];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gateway-multipart-'));
  server = createServer((req, res) => {
    void receive(req as Request, res as Response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ({ port } = server.address() as AddressInfo);
});

afterAll(async () => {
  clearInterval(dripping);
  server.closeAllConnections();
  server.close();
  await rm(directory, { recursive: true });
});

async function receive(req: Request, res: Response): Promise<void> {
  const handle = await open(join(directory, 'file'), 'w');
  try {
    const file = await receiveFile(req, handle, { bytes: 1000, deadlineMs: 300 });
    outcomes.push(file);
    res.end(JSON.stringify(file));
  } catch (error) {
    outcomes.push(error);
    const { status, message } = error as DomainError;
    sendProblem(req, res, { status, detail: message });
  } finally {
    await handle.close();
  }
}

function begin(): { socket: Socket; answer: () => string; closed: () => boolean } {
  const socket = connect(port, '127.0.0.1');
  let [answer, closed] = ['', false];
  socket.on('data', (chunk) => (answer += chunk.toString())).on('error', () => undefined);
  socket.on('close', () => (closed = true));
  socket.write(
    'POST / HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 100000\r\n\r\n',
  );
  return { socket, answer: () => answer, closed: () => closed };
}

const PART = '--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n';

test.each([
  ['in its file', PART],
  ['before its file', ''],
])(
  'an upload that drips %s is answered 408 in its time, and its connection ended though it goes on',
  async (_, head) => {
    const { socket, answer, closed } = begin();
    socket.write(head);
    dripping = setInterval(() => socket.write('x'), 20);
    await until('an answer', () => answer().includes('The upload took too long to arrive'));
    expect(answer()).toMatch(/^HTTP\/1.1 408 /);
    await until('the connection to end', closed);
    clearInterval(dripping);
  },
);

test('an upload that stops without a word is answered 408 too', async () => {
  const { socket, answer, closed } = begin();
  socket.write(PART);
  await until('an answer', () => answer().includes('408'));
  await until('the connection to end', closed);
});

test('the file is written to the byte, wherever the boundaries fall', async () => {
  const bytes = Buffer.from(`${'\r\n--'.repeat(100)}\r\n--`);
  const body = Buffer.concat([Buffer.from(PART), bytes, Buffer.from('\r\n--b--\r\n')]);
  for (const size of [1, 2, 3, 7, 64]) {
    const chunks = Array.from({ length: Math.ceil(body.length / size) }, (_, n) =>
      body.subarray(n * size, (n + 1) * size),
    );
    const response = await request(`http://127.0.0.1:${port}`, {
      method: 'POST',
      headers: { 'Content-Type': 'multipart/form-data; boundary=b' },
      body: Readable.from(chunks),
    });
    expect(await response.body.json()).toEqual({ name: 'a', size: bytes.length });
    expect(await readFile(join(directory, 'file'))).toEqual(bytes);
  }
});
