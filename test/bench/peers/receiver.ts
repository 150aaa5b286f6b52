// The endpoint of every account, /<ats_id>: verifies each delivery and notes which flows it has seen, and when.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { verify } from '../../../src/signing/signature';
import { machineTime, serve } from '../peer';

/** What is behind this path is never answered. */
const HANGING = /^\/hanging/;

let secrets: Record<string, string> = {};
let arrivals = new Map<string, number>();
let duplicates: string[] = [];
let unverified = 0;
let lastAt = 0;
let awaited: { readonly count: number; readonly reached: () => void } | undefined;

function note(path: string, signature: string, raw: Buffer): void {
  if (!verify(signature, raw, [secrets[path.slice(1)] ?? ''], Math.floor(Date.now() / 1000)).valid) unverified++;
  // The field's place is found without parsing, which would cost more than all the rest.
  const at = raw.indexOf('"reference_id":"') + 16;
  const referenceId = raw.toString('latin1', at, at + 36);
  if (arrivals.has(referenceId)) duplicates.push(referenceId);
  else arrivals.set(referenceId, (lastAt = machineTime()));
  if (awaited !== undefined && arrivals.size >= awaited.count) awaited.reached();
}

function receive(request: IncomingMessage, response: ServerResponse): void {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const path = request.url ?? '';
    if (HANGING.test(path)) return;
    note(path, String(request.headers['x-webhook-signature']), Buffer.concat(chunks));
    response.writeHead(200, { 'Content-Type': 'application/json' }).end('{}');
  });
}

const server = createServer({ keepAliveTimeout: 60_000 }, receive);

serve({
  listen: () =>
    new Promise<number>((resolve) => {
      server.listen(0, '127.0.0.1', 4096, () => resolve((server.address() as AddressInfo).port));
    }),
  know(added: Record<string, string>) {
    secrets = { ...secrets, ...added };
  },
  /** Forgets what has arrived. */
  reset() {
    arrivals = new Map();
    duplicates = [];
    unverified = 0;
  },
  count: () => arrivals.size,
  /** Resolves when so many different flows have arrived, with the time of the last one. */
  reach: (count: number) =>
    new Promise<number>((resolve) => {
      const reached = () => {
        awaited = undefined;
        resolve(lastAt);
      };
      if (arrivals.size >= count) reached();
      else awaited = { count, reached };
    }),
  report: () => ({ arrivals: [...arrivals], duplicates, unverified }),
});
