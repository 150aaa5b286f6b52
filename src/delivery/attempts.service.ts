import { Injectable } from '@nestjs/common';
import type { EndpointEffect } from '../accounts/endpoint-health.service';
import { WebhookSecrets } from '../accounts/webhook-secrets.service';
import { Env } from '../config/env';
import { Clock } from '../database/clock';
import { eventId } from '../events/outbound';
import { logger } from '../observability/logger';
import { attemptDuration } from '../observability/metrics';
import type { DueAccount, Message, Settlement } from '../outbox/outbox.service';
import { withEachSecretLast } from './each-secret';
import { recorded } from './outcome';
import { decide, news } from './retry-policy';
import { Sender, type Sent } from './sender';

interface Tried {
  readonly sent: Sent;
  /** The secret whose signature stood last in the header that counted. */
  readonly secretId: string;
}

/** Makes one attempt at one message and judges what came of it. */
@Injectable()
export class Attempts {
  constructor(
    private readonly sender: Sender,
    private readonly secrets: WebhookSecrets,
    private readonly clock: Clock,
    private readonly env: Env,
  ) {}

  /** Takes at most one sending, with its own deadline, for each of the account's secrets. */
  async make(message: Message, account: DueAccount): Promise<Settlement> {
    const id = this.clock.uuidv7();
    const tried = await this.trySecrets(message, account);
    const settlement = this.judge(message, account, id, tried);
    const { verdict, attempt } = settlement;
    attemptDuration.observe({ outcome: attempt.outcome, verdict }, attempt.durationMs / 1000);
    logAttempt(settlement);
    return settlement;
  }

  private async trySecrets(message: Message, account: DueAccount): Promise<Tried> {
    const { sent, last } = await withEachSecretLast(account.secrets, (order) =>
      this.send(
        message,
        account,
        order.map(({ sealed }) => this.secrets.open(sealed)),
      ),
    );
    return { sent, secretId: last?.id ?? '' };
  }

  private send(message: Message, { url }: DueAccount, secrets: readonly string[]): Promise<Sent> {
    return this.sender.send({
      url,
      eventId: eventId(message.referenceId),
      referenceId: message.referenceId,
      event: message.event,
      body: Buffer.from(message.body),
      secrets,
      timestamp: this.clock.unixSeconds(),
    });
  }

  private judge(message: Message, account: DueAccount, id: string, { sent, secretId }: Tried): Settlement {
    const { outcome, durationMs, signature, headers } = sent;
    const attempted = { outcome, failures: message.failures, probe: account.probing };
    const decision = decide(attempted, this.env.DELIVERY_RETRY_SCHEDULE, Math.random());
    const delivered = decision.verdict === 'delivered';
    return {
      message,
      verdict: decision.verdict,
      waitMs: decision.verdict === 'retry' ? decision.waitMs : 0,
      counted: decision.verdict !== 'retry' || decision.counted,
      effect: this.effect(account, sent, delivered && secretId !== account.secrets.at(-1)?.id ? secretId : null),
      attempt: { id, ...recorded(outcome), durationMs, signature, requestHeaders: headers },
    };
  }

  private effect(account: DueAccount, { outcome }: Sent, trustedSecretId: string | null): EndpointEffect {
    const { up, retryAfterMs, gone } = news(outcome, this.clock.now());
    const { atsId, url, failing, probing } = account;
    const usual = up && !failing && !probing && retryAfterMs === 0 && !gone && trustedSecretId === null;
    return { atsId, url, up, probe: probing, retryAfterMs, gone, usual, trustedSecretId };
  }
}

function logAttempt({ message, verdict, waitMs, attempt }: Settlement): void {
  if (!logger.isLevelEnabled('info')) return;
  logger.info(
    {
      reference_id: message.referenceId,
      event_id: eventId(message.referenceId),
      ats_id: message.atsId,
      event: message.event,
      number: message.failures + 1,
      claim: message.attempt,
      outcome: attempt.outcome,
      verdict,
      status_code: attempt.statusCode,
      fault: attempt.error,
      duration_ms: attempt.durationMs,
      next_attempt_in_ms: verdict === 'retry' ? waitMs : null,
      body_bytes: message.body.length,
      response_bytes: attempt.responseBody?.length ?? 0,
    },
    'delivery.attempted',
  );
}
