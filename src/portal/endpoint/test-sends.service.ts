import { Injectable } from '@nestjs/common';
import { WebhookSecrets } from '../../accounts/webhook-secrets.service';
import { Clock } from '../../database/clock';
import { DeliveryLog } from '../../delivery-log/delivery-log.service';
import { recorded } from '../../delivery/outcome';
import { Sender, type Sending, type Sent } from '../../delivery/sender';
import { eventId } from '../../events/outbound';

export type Test = Pick<Sending, 'event' | 'referenceId' | 'body'>;

export interface TestSent extends Sent {
  /** Of its entry in the delivery log. */
  readonly attemptId: string;
}

const UNVERIFIED: readonly number[] = [401, 403];

/**
 * Sends to an account's endpoint what is marked as a test, and logs it as such. It goes past the queue, so it waits for
 * nothing, and neither the endpoint's breaker nor its row of failures hears of it.
 */
@Injectable()
export class TestSends {
  constructor(
    private readonly sender: Sender,
    private readonly secrets: WebhookSecrets,
    private readonly log: DeliveryLog,
    private readonly clock: Clock,
  ) {}

  /** No transaction is held meanwhile. */
  async send(atsId: string, url: string, test: Test): Promise<TestSent> {
    const attemptId = this.clock.uuidv7();
    const { headers, ...sent } = await this.trySecrets(url, test, await this.secrets.liveOutgoing(atsId));
    await this.log.recordTest({
      id: attemptId,
      atsId,
      event: test.event,
      ...recorded(sent.outcome),
      durationMs: sent.durationMs,
      signature: sent.signature,
      requestHeaders: headers,
      payload: test.body.toString(),
    });
    return { ...sent, headers, attemptId };
  }

  /** As a delivery: while several secrets live, a receiver that refuses one gets each of them. */
  private async trySecrets(url: string, test: Test, secrets: readonly string[]): Promise<Sent> {
    const order = [...secrets];
    const marked = { ...test, url, eventId: eventId(test.referenceId), test: true };
    for (let tries = 1; ; tries++) {
      const sent = await this.sender.send({ ...marked, secrets: order, timestamp: this.clock.unixSeconds() });
      const refused = sent.outcome.kind === 'answer' && UNVERIFIED.includes(sent.outcome.statusCode);
      if (!refused || tries >= order.length) return sent;
      order.unshift(...order.splice(-1));
    }
  }
}
