import { Injectable } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { Database, statement, type Tx } from '../../database/database';
import { logger } from '../../observability/logger';
import { Mails } from './mails.service';

const LOOK_MS = 60_000;
const AT_ONCE = 100;

/**
 * The accounts that have something to be told and were told nothing for an hour. An account's first notice looks back a
 * day. Each opening of a breaker is told once, when it has lasted for an hour. The row is the lock between replicas.
 */
const DUE = statement(
  'account_notice_due',
  `select a.ats_id, a.name, e.disabled_reason, e.breaker_opened_at,
          e.disabled_at > t.told_till as disabled,
          coalesce(e.breaker_opened_at < now() - interval '1 hour'
                   and e.breaker_opened_at is distinct from n.breaker_opened_at, false) as breaker,
          (select count(*)::int from (select from dead_message d
             where d.ats_id = a.ats_id and d.state = 'dead' and d.at > t.told_till limit 1000) d) as dead
     from account a join endpoint e using (ats_id) left join account_notice n using (ats_id)
    cross join lateral (select coalesce(n.sent_at, now() - interval '1 day') as told_till) t
    where coalesce(n.sent_at, '-infinity') <= now() - interval '1 hour'
      and (e.disabled_at > t.told_till
           or (e.breaker_opened_at < now() - interval '1 hour'
               and e.breaker_opened_at is distinct from n.breaker_opened_at)
           or exists (select from dead_message d
                       where d.ats_id = a.ats_id and d.state = 'dead' and d.at > t.told_till))
    order by a.ats_id limit ${AT_ONCE}
      for update of a skip locked`,
);

/** The breaker's time is copied here: a Date on its way through would lose microseconds, and never be equal again. */
const TOLD = statement(
  'account_notice_told',
  `insert into account_notice as n (ats_id, sent_at, breaker_opened_at)
   select $1, now(), case when $2::bool then breaker_opened_at end from endpoint where ats_id = $1
   on conflict (ats_id) do update
      set sent_at = now(), breaker_opened_at = coalesce(excluded.breaker_opened_at, n.breaker_opened_at)
    where n.sent_at <= now() - interval '1 hour'
   returning ats_id`,
);

const ADMINS = statement(
  'account_notice_admins',
  `select email from portal_user where ats_id = $1 and role = 'admin' order by email limit 20`,
);

interface Due {
  ats_id: string;
  name: string;
  disabled: boolean | null;
  disabled_reason: string | null;
  breaker: boolean;
  breaker_opened_at: Date | null;
  dead: number;
}

/** Tells an account's admins by mail that its endpoint was disabled, a message died or a breaker stays open. */
@Injectable()
export class Notices {
  constructor(
    private readonly database: Database,
    private readonly mails: Mails,
  ) {}

  @Interval(LOOK_MS)
  async tick(): Promise<void> {
    if (!this.mails.enabled) return;
    await this.look().catch((error: unknown) => {
      logger.warn({ err: error }, 'mail.notices_interrupted');
    });
  }

  /** @returns the accounts that are told now */
  async look(): Promise<string[]> {
    return this.database.transaction(async (tx) => {
      const told: string[] = [];
      for (const due of await tx.query<Due>(DUE)) if (await this.tell(tx, due)) told.push(due.ats_id);
      return told;
    });
  }

  private async tell(tx: Tx, due: Due): Promise<boolean> {
    if ((await tx.query(TOLD, [due.ats_id, due.breaker])).length === 0) return false;
    const data = { account_name: due.name, lines: linesOf(due) };
    for (const { email } of await tx.query<{ email: string }>(ADMINS, [due.ats_id])) {
      await this.mails.enqueue('notice', email, data, tx);
    }
    return true;
  }
}

function linesOf({ disabled, disabled_reason, breaker, breaker_opened_at, dead }: Due): string[] {
  const lines: string[] = [];
  if (disabled === true)
    lines.push(`The endpoint is disabled: ${disabled_reason ?? 'by an operator'}. Results are kept.`);
  if (breaker) {
    lines.push(
      `No delivery has arrived since ${breaker_opened_at?.toISOString() ?? 'an hour ago'}; they are tried again.`,
    );
  }
  if (dead > 0) {
    const count = dead === 1 ? 'One result was' : `${dead === 1000 ? '1000 or more' : dead} results were`;
    lines.push(`${count} given up after the last try. They can be delivered again for 30 days.`);
  }
  return lines;
}
