import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { verify } from '../../src/signing/signature';

/** One request that arrived at a receiver. */
export interface Delivery {
  readonly at: number;
  readonly headers: IncomingHttpHeaders;
  readonly raw: Buffer;
  readonly body: ResultBody;
  readonly verified: boolean;
}

/** The envelope of contract section 8. */
export interface ResultBody {
  event: string;
  event_id: string;
  reference_id: string;
  client_id: string;
  timestamp: string;
  status: 'success' | 'error';
  error: { code: string; message: string } | null;
  data: Record<string, unknown>;
}

/** How a receiver answers: a status, or anything a socket can do. */
export type Script = (delivery: Delivery, response: ServerResponse, count: number) => number | undefined;

export interface Receiver {
  readonly url: string;
  /** In the order of arrival. */
  readonly deliveries: Delivery[];
  script: Script;
  close(): Promise<void>;
}

/** A real HTTP server that stands for an account's endpoint; it answers 200 until its script says otherwise. */
export async function startReceiver(secret: () => string, script: Script = () => 200): Promise<Receiver> {
  const deliveries: Delivery[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const raw = Buffer.concat(chunks);
      const header = request.headers['x-webhook-signature'];
      const verified = verify(String(header), raw, [secret()], Math.floor(Date.now() / 1000)).valid;
      const body = JSON.parse(raw.toString()) as ResultBody;
      const delivery = { at: performance.now(), headers: request.headers, raw, body, verified };
      deliveries.push(delivery);
      const status = receiver.script(delivery, response, deliveries.length);
      if (typeof status === 'number') response.writeHead(status).end('{}');
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const receiver: Receiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks`,
    deliveries,
    script,
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        server.closeAllConnections();
      }),
  };
  return receiver;
}
