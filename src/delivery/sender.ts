import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { request, type Agent, type Dispatcher } from 'undici';
import { Env } from '../config/env';
import { AddressPolicy } from '../egress/address-policy';
import { egressAgent } from '../egress/agent';
import { signatureHeader } from '../signing/signature';
import { standardWebhookHeaders } from '../signing/standard-webhooks';
import { faultOf, type Outcome } from './outcome';

const MAX_BODY_BYTES = 64 * 1024;
/** Credentials and cookies stay out of the delivery log. */
const LOGGED_HEADERS = /^(content-type|content-length|retry-after|(x-)?ratelimit(-[a-z-]+)?)$/;

/** One signed POST. */
export interface Sending {
  readonly url: string;
  readonly eventId: string;
  readonly referenceId: string;
  readonly event: string;
  /** Exactly these bytes are signed and sent. */
  readonly body: Buffer;
  /** In the order in which their signatures stand in the header. */
  readonly secrets: readonly string[];
  /** Unix seconds, by the database's clock. */
  readonly timestamp: number;
  /** Marked as a test, so that the receiver may take it without acting on it. */
  readonly test?: boolean;
}

export interface Sent {
  readonly outcome: Outcome;
  readonly durationMs: number;
  readonly signature: string;
  /** As sent, without the signatures. */
  readonly headers: Record<string, string>;
}

/** Signs and posts. Everything from resolving the name to the last byte of the answer has one deadline. */
@Injectable()
export class Sender implements OnApplicationShutdown {
  private readonly agent: Agent;

  constructor(
    private readonly env: Env,
    policy: AddressPolicy,
  ) {
    this.agent = egressAgent({
      policy,
      // Accounts may share an origin; each has its own cap on sends in flight, and must not wait for another's.
      connections: null,
      connectTimeoutMs: env.DELIVERY_TIMEOUT_MS,
      development: !env.production,
    });
  }

  async send(sending: Sending): Promise<Sent> {
    const { body, timestamp, secrets } = sending;
    const signature = signatureHeader(secrets, timestamp, body);
    const { 'webhook-signature': standard, ...ids } = standardWebhookHeaders(sending.eventId, secrets, timestamp, body);
    const headers = {
      'Content-Type': 'application/json',
      'User-Agent': 'CarvOS-Webhooks/1',
      'X-Carv-Causation-ID': sending.referenceId,
      'X-Carv-Event': sending.event,
      ...(sending.test === true && { 'X-CarvOS-Test': 'true' }),
      ...ids,
    };
    const startedAt = performance.now();
    const signed = { ...headers, 'X-Webhook-Signature': signature, 'webhook-signature': standard };
    const outcome = await this.post(sending.url, signed, body);
    return { outcome, durationMs: Math.round(performance.now() - startedAt), signature, headers };
  }

  async onApplicationShutdown(): Promise<void> {
    await this.agent.close();
  }

  private async post(url: string, headers: Record<string, string>, body: Buffer): Promise<Outcome> {
    try {
      const response = await request(url, {
        dispatcher: this.agent,
        method: 'POST',
        headers,
        body,
        signal: AbortSignal.timeout(this.env.DELIVERY_TIMEOUT_MS),
      });
      return {
        kind: 'answer',
        statusCode: response.statusCode,
        headers: loggedHeaders(response.headers),
        body: await firstBytes(response.body),
      };
    } catch (error) {
      return { kind: 'no_answer', fault: faultOf(error) };
    }
  }
}

async function firstBytes(stream: Dispatcher.ResponseData['body']): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  // Leaving the loop early destroys the stream and its socket: the rest is never read.
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= MAX_BODY_BYTES) break;
  }
  // PostgreSQL's text holds no NUL.
  return Buffer.concat(chunks).subarray(0, MAX_BODY_BYTES).toString().replaceAll('\0', '\uFFFD');
}

function loggedHeaders(headers: Dispatcher.ResponseData['headers']): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value !== undefined && LOGGED_HEADERS.test(name) ? [[name, String(value).replaceAll('\0', '')]] : [],
    ),
  );
}
