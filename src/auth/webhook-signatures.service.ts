import { Injectable } from '@nestjs/common';
import type { Request } from 'express';
import type { Caller } from '../accounts/credential';
import { WebhookSecrets } from '../accounts/webhook-secrets.service';
import { Clock } from '../database/clock';
import { DeliveryLog } from '../delivery-log/delivery-log.service';
import { badSignature, type DomainError } from '../errors';
import { logger } from '../observability/logger';
import { verify } from '../signing/signature';

/** Verified against when an account has no secret, so that an unknown account costs the same work. */
const NO_SECRET = [{ id: '0', secret: 'no account has this secret' }];
const REFUSALS_ASKED_PER_MINUTE = 60;
const MINUTE_MS = 60_000;

@Injectable()
export class WebhookSignatures {
  private readonly refusals = new Map<string, { since: number; count: number }>();

  constructor(
    private readonly secrets: WebhookSecrets,
    private readonly log: DeliveryLog,
    private readonly clock: Clock,
  ) {}

  /** @throws {DomainError} `unauthorized`, with one body for every cause */
  async identify(request: Request): Promise<Caller> {
    const atsId = String(request.params.ats_id);
    const live = atsId.includes('\0') ? [] : await this.secrets.liveIncoming(atsId);
    const known = live.length > 0;
    const tried = known ? live : NO_SECRET;
    const header = request.headers['x-webhook-signature'];
    const signature = typeof header === 'string' ? header : undefined;
    const now = this.clock.unixSeconds();
    const verification = verify(
      signature,
      request.rawBody,
      tried.map((s) => s.secret),
      now,
    );
    const secret = verification.valid ? live[verification.secretIndex] : undefined;
    if (secret !== undefined) return { atsId, credential: { kind: 'webhook-secret', id: secret.id } };
    const refusal = badSignature();
    if (known) this.logRefusal(atsId, refusal);
    throw refusal;
  }

  /**
   * Its metadata, so that strangers and floods do not fill the log. The log keeps the count; what is beyond it in this process
   * alone need not even ask.
   */
  logRefusal(atsId: string, refusal: DomainError): void {
    const now = performance.now();
    const window = this.refusals.get(atsId);
    if (window === undefined || now - window.since > MINUTE_MS) this.refusals.set(atsId, { since: now, count: 1 });
    else if (++window.count > REFUSALS_ASKED_PER_MINUTE) return;
    this.log.recordRefusal(atsId, refusal.status, refusal.message).catch((error: unknown) => {
      logger.warn({ err: error, ats_id: atsId }, 'delivery_log.failed');
    });
  }
}
