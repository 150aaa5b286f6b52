import { Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { createTransport, type Transporter } from 'nodemailer';
import { PortalLinks } from '../../accounts/portal-links.service';
import { Env } from '../../config/env';
import { every } from '../../observability/every';
import { logger } from '../../observability/logger';
import { Poller } from '../../queue/poller';
import { linkUrl } from '../page/link-url';
import { Mails, type QueuedMail } from './mails.service';
import { invitationMail, noticeMail, resetMail, type Mail } from './templates';

const TICK_MS = 2000;
/** For each of connecting, greeting, and every silence after it. */
const SEND_TIMEOUT_MS = 20_000;
/** A server may be slow at every step, and still no mail is sent twice. */
const LEASE_MS = 10 * SEND_TIMEOUT_MS;
/** Some nine hours; a link asked for then helps nobody any more. */
const MAX_ATTEMPTS = 15;
const RESET_MINUTES = 60;

/** Drains the queue of mails. A link is made with its mail, so the database never holds one that can be used. */
@Injectable()
export class MailWorker implements BeforeApplicationShutdown {
  private readonly transport: Transporter | undefined;
  private readonly trouble = every(10_000);
  private readonly poller = new Poller(
    () => this.work(),
    (error) => {
      this.report(error);
    },
  );

  constructor(
    private readonly mails: Mails,
    private readonly links: PortalLinks,
    private readonly env: Env,
  ) {
    const timeouts = {
      connectionTimeout: SEND_TIMEOUT_MS,
      greetingTimeout: SEND_TIMEOUT_MS,
      socketTimeout: SEND_TIMEOUT_MS,
    };
    if (env.SMTP_URL !== undefined) this.transport = createTransport({ url: env.SMTP_URL, ...timeouts });
  }

  @Interval(TICK_MS)
  tick(): void {
    if (this.transport !== undefined) this.poller.nudge();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.poller.stop();
    this.transport?.close();
  }

  private async work(): Promise<boolean> {
    // One at a time: a mail that waits for others is leased to nobody, and a stop waits for no others.
    const queued = await this.mails.claim(LEASE_MS);
    if (queued === undefined) return false;
    await this.deliver(queued);
    return true;
  }

  private async deliver(queued: QueuedMail): Promise<void> {
    try {
      const mail = await this.write(queued);
      if (mail !== null) await this.transport?.sendMail({ from: this.env.MAIL_FROM, to: queued.email, ...mail });
      await this.mails.settle(queued);
    } catch (error) {
      this.report(error);
      if (queued.attempt < MAX_ATTEMPTS) return this.mails.retry(queued);
      logger.error({ err: error, kind: queued.kind, mail_id: queued.id }, 'mail.given_up');
      await this.mails.settle(queued);
    }
  }

  /** Null where there is nothing to send: nobody has the e-mail, the invitation was revoked. */
  private async write({ kind, email, data }: QueuedMail): Promise<Mail | null> {
    if (kind === 'notice') return noticeMail(data, this.env.PUBLIC_URL);
    const token =
      kind === 'reset'
        ? await this.links.makeReset(email, email, RESET_MINUTES)
        : await this.links.renewInvitation(data.ats_id ?? '', email);
    if (token === null) return null;
    return kind === 'reset' ? resetMail(linkUrl(this.env, token)) : invitationMail(linkUrl(this.env, token));
  }

  private report(error: unknown): void {
    this.trouble((suppressed) => {
      logger.warn({ err: error, suppressed }, 'mail.interrupted');
    });
  }
}
