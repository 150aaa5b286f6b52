import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { signatureHeader, verify } from '../../src/signing/signature';

/** What the gateway asks an external scorer. */
export interface Question {
  reference_id: string;
  ats_id: string;
  client_id: string;
  application: Record<string, unknown>;
  candidate: Record<string, unknown>;
  vacancy: Record<string, unknown>;
  cv_text: string | null;
  cv_fault: string | null;
  callback_url: string;
  callback_token: string;
  deadline: string;
}

export interface Asked {
  readonly question: Question;
  readonly verified: boolean;
  readonly path: string;
  /** Whether the gateway gave up before an answer. */
  readonly abandoned: () => boolean;
}

/** How it answers: a status with a JSON body, or anything a socket can do. */
export type ScorerScript = (asked: Asked, response: ServerResponse, count: number) => [number, unknown?] | undefined;

export interface TestScorer {
  readonly url: string;
  readonly secret: string;
  readonly asked: Asked[];
  script: ScorerScript;
  close(): Promise<void>;
}

/** A real HTTP server that stands for an external scorer. */
export async function startScorer(script: ScorerScript): Promise<TestScorer> {
  const secret = 'the-secret-of-the-scorer';
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    let abandoned = false;
    response.once('close', () => (abandoned = !response.writableFinished));
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const raw = Buffer.concat(chunks);
      const header = String(request.headers['x-webhook-signature']);
      const one = {
        question: raw.length === 0 ? ({} as Question) : (JSON.parse(raw.toString()) as Question),
        verified: verify(header, raw, [secret], Math.floor(Date.now() / 1000)).valid,
        path: request.url ?? '',
        abandoned: () => abandoned,
      };
      asked.push(one);
      const answer = scorer.script(one, response, asked.length);
      if (answer !== undefined) {
        response.writeHead(answer[0], { 'Content-Type': 'application/json' });
        response.end(typeof answer[1] === 'string' ? answer[1] : JSON.stringify(answer[1] ?? {}));
      }
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const scorer: TestScorer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/score`,
    secret,
    asked,
    script,
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        server.closeAllConnections();
      }),
  };
  return scorer;
}

/** Sends a score back as a scorer does, signed with `secret` unless a header is given. */
export async function callBack(
  origin: string,
  path: string,
  body: unknown,
  secret: string,
  signature?: string,
): Promise<number> {
  const raw = Buffer.from(JSON.stringify(body));
  const response = await fetch(origin + path, {
    method: 'POST',
    headers: {
      'Content-Type': 'application/json',
      'X-Webhook-Signature': signature ?? signatureHeader([secret], Math.floor(Date.now() / 1000), raw),
    },
    body: raw,
  });
  await response.arrayBuffer();
  return response.status;
}
