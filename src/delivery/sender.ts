import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { Agent } from 'undici';
import { Env } from '../config/env';
import { AddressPolicy } from '../egress/address-policy';
import { egressAgent } from '../egress/agent';
import { signatureHeader } from '../signing/signature';
import { standardWebhookHeaders } from '../signing/standard-webhooks';
import { exchange, type Answer } from './exchange';
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
    const headers = { ...describingHeaders(sending), ...ids };
    const startedAt = performance.now();
    const signed = { ...headers, 'X-Webhook-Signature': signature, 'webhook-signature': standard };
    const outcome = await this.post(sending.url, signed, body);
    return { outcome, durationMs: Math.round(performance.now() - startedAt), signature, headers };
  }

  async onApplicationShutdown(): Promise<void> {
    await this.agent.close();
  }

  private async post(url: string, headers: Record<string, string>, body: Buffer): Promise<Outcome> {
    const limits = { deadlineMs: this.env.DELIVERY_TIMEOUT_MS, maxBodyBytes: MAX_BODY_BYTES };
    try {
      const answer = await exchange(this.agent, url, { headers, body }, limits);
      return {
        kind: 'answer',
        statusCode: answer.statusCode,
        headers: loggedHeaders(answer.headers),
        // PostgreSQL's text holds no NUL.
        body: answer.body.toString().replaceAll('\0', '\uFFFD'),
      };
    } catch (error) {
      return { kind: 'no_answer', fault: faultOf(error) };
    }
  }
}

/** What says what is sent; beside it stand the ids and signatures of `signing`. */
export function describingHeaders(sending: Pick<Sending, 'referenceId' | 'event' | 'test'>): Record<string, string> {
  return {
    'Content-Type': 'application/json',
    'User-Agent': 'CarvOS-Webhooks/1',
    'X-Carv-Causation-ID': sending.referenceId,
    'X-Carv-Event': sending.event,
    ...(sending.test === true && { 'X-CarvOS-Test': 'true' }),
  };
}

function loggedHeaders(headers: Answer['headers']): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value !== undefined && LOGGED_HEADERS.test(name) ? [[name, String(value).replaceAll('\0', '')]] : [],
    ),
  );
}
