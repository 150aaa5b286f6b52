import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Agent } from 'undici';
import { exchange, type Answer } from '../../src/delivery/exchange';
import { until } from '../support/until';

const LIMITS = { deadlineMs: 300, maxBodyBytes: 1000 };
/** For what must not be ended by it. */
const LONG = { ...LIMITS, deadlineMs: 30_000 };

let server: Server;
let agent: Agent;
let answer: RequestListener;
let requests: string[];
let closed: number;

beforeEach(async () => {
  [requests, closed] = [[], 0];
  server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    request.socket.once('close', () => closed++);
    answer(request, response);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  agent = new Agent({ connections: 1, pipelining: 1 });
});

afterEach(async () => {
  await agent.destroy();
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
});

function post(limits = LIMITS, path = '/hook?a=1'): Promise<Answer> {
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;
  return exchange(agent, url, { headers: { 'X-A': 'b' }, body: Buffer.from('{}') }, limits);
}

it('gives the answer as it came', async () => {
  answer = (_request, response) => response.writeHead(418, { 'Retry-After': '3' }).end('short and stout');
  const { statusCode, headers, body } = await post(LONG);
  expect([statusCode, headers['retry-after'], body.toString()]).toEqual([418, '3', 'short and stout']);
  expect(requests).toEqual(['POST /hook?a=1']);
});

it('reads no more of a body than it may, and leaves the rest with its socket', async () => {
  answer = (_request, response) => {
    response.writeHead(200);
    const timer = setInterval(() => response.write('x'.repeat(600)), 1);
    response.once('close', () => clearInterval(timer));
  };
  expect((await post(LONG)).body).toHaveLength(1000);
  await until('the socket to be closed', () => closed === 1);
});

it.each<[string, RequestListener]>([
  ['an answer that never begins', () => undefined],
  ['a body that never ends', (_request, response) => response.writeHead(200).write('half')],
])('gives up %s at the deadline, and its socket', async (_what, script) => {
  answer = script;
  await expect(post()).rejects.toMatchObject({ name: 'TimeoutError' });
  await until('the socket to be closed', () => closed === 1);
});

it('never sends what was given up while it waited for a socket', async () => {
  let release = (): void => undefined;
  answer = (_request, response) => {
    release = () => void response.end();
  };
  const first = post(LONG, '/first');
  await until('the first request', () => requests.length === 1);
  await expect(post(LIMITS, '/late')).rejects.toMatchObject({ name: 'TimeoutError' });
  release();
  await first;
  answer = (_request, response) => response.end();
  await post(LONG, '/next');
  expect(requests).toEqual(['POST /first', 'POST /next']);
});

it('fails with what the connection failed with', async () => {
  answer = (request) => request.socket.destroy();
  await expect(post(LONG)).rejects.toMatchObject({ code: 'UND_ERR_SOCKET' });
});

it('lets other requests use the socket after an answer', async () => {
  answer = (_request, response) => response.end('ok');
  for (let n = 0; n < 3; n++) await post(LONG);
  expect([requests.length, closed]).toEqual([3, 0]);
});
