// A receiver in a process of its own: `receiver-main.ts <file>`. Every account has its path, /<ats_id>. Each delivery is
// a line in the file before it is answered. It is directed over a second port. Ends with its standard input.
import { createHash } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { verify } from '../../src/signing/signature';
import type { ResultBody } from './receiver';
import type { Arrival, Direction, Manner } from './receiver-process';

const DRIP_MS = 1000;

const file = process.argv[2] ?? '';
const secrets = new Map<string, string>();
const manners = new Map<string, Manner>();
/** Taken, but not answered until the manner changes. */
const held = new Map<string, ServerResponse[]>();
let count = 0;
let pageHits = 0;

/** As the published receiver code does: it knows one signature, the last. */
function verifiesLast(atsId: string, signature: string, raw: Buffer): boolean {
  const parts = signature.split(',');
  return verifies(atsId, `${parts[0]},${parts.at(-1)}`, raw);
}

function verifies(atsId: string, signature: string, raw: Buffer): boolean {
  return verify(signature, raw, [secrets.get(atsId) ?? ''], Math.floor(Date.now() / 1000)).valid;
}

function record(atsId: string, signature: string, raw: Buffer, taken: boolean): void {
  const { event, event_id, reference_id, client_id, status, data } = JSON.parse(raw.toString()) as ResultBody;
  const { candidate_id = '', custom_fields } = data as { candidate_id?: string; custom_fields?: { sequence?: number } };
  const arrival: Arrival = {
    number: ++count,
    at: performance.timeOrigin + performance.now(),
    ats_id: atsId,
    event,
    event_id,
    reference_id,
    client_id,
    status,
    entity_id: candidate_id,
    sequence: custom_fields?.sequence ?? null,
    verified: verifies(atsId, signature, raw),
    signed_at: Number(/^t=(\d+)/.exec(signature)?.[1]),
    taken,
    sha256: createHash('sha256').update(raw).digest('hex'),
  };
  appendFileSync(file, `${JSON.stringify(arrival)}\n`);
}

function receive(atsId: string, signature: string, raw: Buffer, response: ServerResponse): void {
  const manner = manners.get(atsId) ?? {};
  const unverified = manner.lastOnly === true && !verifiesLast(atsId, signature, raw);
  const status = unverified ? 401 : (manner.status ?? 200);
  const silent = manner.answer !== undefined && manner.answer !== 'hold';
  record(atsId, signature, raw, !silent && status < 300);
  if (manner.answer === 'reset') response.socket?.resetAndDestroy();
  else if (manner.answer === 'drip') drip(response);
  else if (manner.answer === 'hold') held.set(atsId, [...(held.get(atsId) ?? []), response]);
  else if (manner.answer !== 'none') {
    setTimeout(() => {
      if (!server.listening) response.setHeader('Connection', 'close');
      response.writeHead(status, manner.headers).end();
    }, manner.afterMs ?? 0);
  }
}

function drip(response: ServerResponse): void {
  response.writeHead(200, { 'Content-Type': 'text/plain' });
  const dripping = setInterval(() => response.write('.'), DRIP_MS);
  response.on('close', () => clearInterval(dripping));
}

function direct(atsId: string, { secret, manner, listening }: Direction): void {
  if (secret !== undefined) secrets.set(atsId, secret);
  if (manner !== undefined) {
    manners.set(atsId, manner);
    for (const response of held.get(atsId) ?? []) response.writeHead(200).end();
    held.delete(atsId);
  }
  if (listening === true) server.listen(port, '127.0.0.1');
  // What was taken is answered still: its sender could not know, and would rightly send it again.
  if (listening === false) server.close();
}

function whole(handle: (request: IncomingMessage, raw: Buffer, response: ServerResponse) => void): Server {
  return createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => handle(request, Buffer.concat(chunks), response));
  });
}

const server = whole((request, raw, response) => {
  if (!server.listening) return void request.destroy();
  if (request.method === 'POST') {
    receive((request.url ?? '').slice(1), String(request.headers['x-webhook-signature']), raw, response);
    return;
  }
  pageHits++;
  response.end('a live page');
});
const control = whole((request, raw, response) => {
  if (request.method === 'PUT') direct((request.url ?? '').slice(1), JSON.parse(raw.toString()) as Direction);
  response.end(JSON.stringify({ pageHits }));
});
const portOf = (listening: Server): number => (listening.address() as AddressInfo).port;
let port = 0;
server.listen(0, '127.0.0.1', () => {
  port = portOf(server);
  control.listen(0, '127.0.0.1', () => process.stdout.write(`${port} ${portOf(control)}\n`));
});
process.stdin.resume().on('end', () => process.exit());
