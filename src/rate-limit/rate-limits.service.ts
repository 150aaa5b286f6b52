import { Injectable } from '@nestjs/common';
import { Env } from '../config/env';
import { Database, statement } from '../database/database';
import { every } from '../observability/every';
import { logger } from '../observability/logger';
import { Share, type Grant, type Rate } from './share';

/** Whether a request may pass, and what its caller is told; times in whole seconds. */
export interface Charge {
  readonly passed: boolean;
  readonly limit: number;
  readonly remaining: number;
  /** Until the bucket is full. */
  readonly resetIn: number;
  /** Until there is a token. */
  readonly retryIn: number;
}

/** Takes up to $2 tokens of the account's bucket, after it was filled for the time since it was last looked at. */
const TAKE = statement(
  'rate_limit_take',
  `insert into rate_bucket as b (ats_id, level, granted, at)
   values ($1, $3::int - least($2::int, $3::int), least($2::int, $3::int), clock_timestamp())
   on conflict (ats_id) do update set (level, granted, at) = (
     select f.level - least($2::int, floor(f.level)), least($2::int, floor(f.level)), f.at
       from (select c.at, least($3::int,
                     b.level + $4::float8 * greatest(0, extract(epoch from c.at - b.at)::float8)) as level
               from (select clock_timestamp() as at) c) f)
   returning granted, level`,
);

/** A tenth of the bucket: ten round trips a second at most while it flows freely. */
const SHARES = 10;
/** After an empty answer, however soon the next token comes: a flood of refused requests costs 20 round trips a second. */
const ASK_AGAIN_MS = 50;
/** A limiter that makes everybody wait would harm more than the flood. */
const PATIENCE_MS = 500;
const PASS_UNASKED_MS = 1000;
const TOLD_MS = 10_000;

interface Account {
  readonly share: Share;
  waiting: number;
  asking: Promise<void> | null;
  /** Until then the bucket is known to be empty. */
  emptyUntil: number;
}

/**
 * A token bucket for each account, which all processes share: it stands in the database, and each process takes a few
 * tokens at a time. In the long run an account never gets more than its rate. A burst is exact with one process; each
 * further one may add the tenth that it holds.
 */
@Injectable()
export class RateLimits {
  private readonly rate: Rate | null;
  private readonly accounts = new Map<string, Account>();
  private readonly told = every(TOLD_MS);
  private passUntil = 0;

  constructor(
    private readonly database: Database,
    env: Env,
  ) {
    const perSecond = env.RATE_LIMIT_PER_SECOND;
    this.rate = perSecond === undefined ? null : { perSecond, capacity: Math.max(1, Math.floor(perSecond)) };
  }

  /** Charges one request; null when nothing limits the account, or the database cannot say. */
  async charge(atsId: string): Promise<Charge | null> {
    if (this.rate === null) return null;
    const account = this.account(atsId, this.rate);
    for (;;) {
      const now = performance.now();
      if (account.share.spend(now)) return told(account.share, this.rate, true, now);
      if (now < this.passUntil) return null;
      if (now < account.emptyUntil) return told(account.share, this.rate, false, now);
      account.waiting++;
      await (account.asking ??= this.ask(atsId, account, this.rate));
      account.waiting--;
    }
  }

  private account(atsId: string, rate: Rate): Account {
    const known = this.accounts.get(atsId);
    if (known !== undefined) return known;
    const account = { share: new Share(rate, performance.now()), waiting: 0, asking: null, emptyUntil: 0 };
    this.accounts.set(atsId, account);
    return account;
  }

  private async ask(atsId: string, account: Account, rate: Rate): Promise<void> {
    const wanted = Math.max(account.waiting, Math.ceil(rate.capacity / SHARES));
    try {
      const taking = this.database.query<Grant>(TAKE, [atsId, wanted, rate.capacity, rate.perSecond], PATIENCE_MS);
      const [grant] = await within(PATIENCE_MS, taking);
      if (grant === undefined) return;
      const now = performance.now();
      account.share.add(grant, now);
      if (grant.granted < wanted) account.emptyUntil = now + ASK_AGAIN_MS;
    } catch (error) {
      this.passUntil = performance.now() + PASS_UNASKED_MS;
      this.told((suppressed) => {
        logger.warn({ err: error, suppressed }, 'rate_limit.not_asked');
      });
    } finally {
      account.asking = null;
    }
  }
}

function told(share: Share, { capacity, perSecond }: Rate, passed: boolean, now: number): Charge {
  const left = share.left(now);
  return {
    passed,
    limit: capacity,
    remaining: passed ? Math.floor(left) : 0,
    resetIn: Math.ceil((capacity - left) / perSecond),
    retryIn: Math.max(1, Math.ceil((1 - left) / perSecond)),
  };
}

/** Gives up waiting, not the work. */
async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`no answer within ${ms} ms`));
    }, ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
