import { Injectable } from '@nestjs/common';
import { WebhookSecrets } from '../../accounts/webhook-secrets.service';
import { Clock } from '../../database/clock';
import { DeliveryLog } from '../../delivery-log/delivery-log.service';
import { withEachSecretLast } from '../../delivery/each-secret';
import { recorded } from '../../delivery/outcome';
import { Sender, type Sending, type Sent } from '../../delivery/sender';
import { eventId } from '../../events/outbound';

export type Test = Pick<Sending, 'event' | 'referenceId' | 'body'>;

export interface TestSent extends Sent {
  /** Of its entry in the delivery log. */
  readonly attemptId: string;
}

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
    const marked = { ...test, url, eventId: eventId(test.referenceId), test: true };
    const { sent } = await withEachSecretLast(await this.secrets.liveOutgoing(atsId), (secrets) =>
      this.sender.send({ ...marked, secrets, timestamp: this.clock.unixSeconds() }),
    );
    await this.log.recordTest({
      id: attemptId,
      atsId,
      event: test.event,
      ...recorded(sent.outcome),
      durationMs: sent.durationMs,
      signature: sent.signature,
      requestHeaders: sent.headers,
      payload: test.body.toString(),
    });
    return { ...sent, attemptId };
  }
}
