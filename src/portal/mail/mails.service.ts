import { Injectable } from '@nestjs/common';
import { Env } from '../../config/env';
import { Database, REQUEST_DEADLINE_MS, statement, type Tx } from '../../database/database';

export type MailKind = 'reset' | 'invitation' | 'notice';

/** What the text of a mail is made from; never a link, which is made when the mail is. */
export interface MailData {
  readonly ats_id?: string;
  readonly account_name?: string;
  /** What a notice tells, a line for each thing. */
  readonly lines?: readonly string[];
}

export interface QueuedMail {
  readonly id: string;
  /** The fence: counts claims. */
  readonly attempt: number;
  readonly kind: MailKind;
  readonly email: string;
  readonly data: MailData;
}

const ENQUEUE = statement('mail_enqueue', 'insert into mail_message (kind, email, data) values ($1, $2, $3)');

const CLAIM = statement(
  'mail_claim',
  `update mail_message m set attempt = attempt + 1, leased_until = now() + $1::int * interval '1 ms'
     from (select id from mail_message where available_at <= now() and leased_until <= now()
            order by available_at, id limit 1 for update skip locked) due
    where m.id = due.id
   returning m.id, m.attempt, m.kind, m.email, m.data`,
);

const SENT = statement('mail_sent', 'delete from mail_message where id = $1 and attempt = $2');

const RETRY = statement(
  'mail_retry',
  `update mail_message set available_at = now() + $3::int * interval '1 second', leased_until = '-infinity'
    where id = $1 and attempt = $2`,
);

const FIRST_WAIT_S = 30;
const LONGEST_WAIT_S = 3600;

/** The queue of mails: nobody who causes one waits for a mail server. */
@Injectable()
export class Mails {
  constructor(
    private readonly database: Database,
    private readonly env: Env,
  ) {}

  get enabled(): boolean {
    return this.env.SMTP_URL !== undefined;
  }

  /** @param tx the transaction of what it tells of */
  async enqueue(kind: MailKind, email: string, data: MailData, tx?: Tx): Promise<void> {
    if (tx === undefined) await this.database.query(ENQUEUE, [kind, email, data], REQUEST_DEADLINE_MS);
    else await tx.query(ENQUEUE, [kind, email, data]);
  }

  async claim(leaseMs: number): Promise<QueuedMail | undefined> {
    return (await this.database.query<QueuedMail>(CLAIM, [leaseMs]))[0];
  }

  /** Sent, or given up. */
  async settle({ id, attempt }: QueuedMail): Promise<void> {
    await this.database.query(SENT, [id, attempt]);
  }

  async retry({ id, attempt }: QueuedMail): Promise<void> {
    const seconds = Math.min(FIRST_WAIT_S * 2 ** (attempt - 1), LONGEST_WAIT_S);
    await this.database.query(RETRY, [id, attempt, seconds]);
  }
}
