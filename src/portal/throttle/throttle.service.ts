import { Injectable } from '@nestjs/common';
import { createHash } from 'node:crypto';
import { isIPv6 } from 'node:net';
import { Database, REQUEST_DEADLINE_MS, statement, type Tx } from '../../database/database';
import { DomainError } from '../../errors';
import { ADDRESS, CROWD, judge, PAIR, PAIR_OF_CROWDED, type Rule, type Tries } from './throttle-rules';

/**
 * Locks what has been counted, and what has not as nothing, so that none of it is gone before it is saved: in one order for
 * everybody, so that nobody waits crosswise.
 */
const LOCK = statement(
  'portal_throttle_lock',
  `insert into portal_throttle as p (key, tries, since, blocked_till)
   select key, 0, now(), '-infinity' from unnest($1::text[]) key order by key
   on conflict (key) do update set key = p.key
   returning key, tries, extract(epoch from since) * 1000 as since,
             coalesce(extract(epoch from nullif(blocked_till, '-infinity')) * 1000, 0) as blocked_till,
             extract(epoch from now()) * 1000 as now`,
);

const SAVE = statement(
  'portal_throttle_save',
  `update portal_throttle p
      set tries = t.tries, since = to_timestamp(t.since / 1000), blocked_till = to_timestamp(t.blocked_till / 1000)
     from unnest($1::text[], $2::int[], $3::float8[], $4::float8[]) t(key, tries, since, blocked_till)
    where p.key = t.key`,
);

const FORGET = statement('portal_throttle_forget', 'delete from portal_throttle where key = $1');
const REFUND = statement(
  'portal_throttle_refund',
  `update portal_throttle set tries = greatest(0, tries - 1), blocked_till = '-infinity' where key = $1`,
);
const EXPIRE = statement(
  'portal_throttle_expire',
  `delete from portal_throttle where since < now() - interval '1 day'`,
);

interface Row {
  key: string;
  tries: number;
  since: string;
  blocked_till: string;
  now: string;
}

/** Counts tries at what can be guessed, in the database: every replica counts together. */
@Injectable()
export class Throttle {
  constructor(private readonly database: Database) {}

  /**
   * Counts a try at a password before it is verified, so that parallel ones do not slip through together.
   *
   * @returns for how long it has to wait, in milliseconds; 0: it may be made, and counts
   */
  async password(email: string, address: string): Promise<number> {
    const keys = keysOf(email, address);
    return this.locked([keys.pair, keys.address, keys.crowd], (tries, now) => {
      const crowd = judge(tries(keys.crowd), CROWD, now);
      const crowded = crowd.waitMs > 0;
      const pair = judge(tries(keys.pair), crowded ? PAIR_OF_CROWDED : PAIR, now);
      const all = judge(tries(keys.address), ADDRESS, now);
      const waitMs = Math.max(pair.waitMs, all.waitMs);
      const next = { [keys.pair]: pair.tries, [keys.address]: all.tries, [keys.crowd]: crowd.tries };
      return { waitMs, next: waitMs > 0 ? {} : next };
    });
  }

  /** A good password costs nothing. */
  async forgive(tx: Tx, email: string, address: string): Promise<void> {
    const keys = keysOf(email, address);
    await tx.query(FORGET, [keys.pair]);
    await tx.query(REFUND, [keys.address]);
  }

  /** Counts a try of several kinds at once, each with its rule. @returns as `password` */
  async take(limits: readonly { what: string; rule: Rule }[]): Promise<number> {
    const keyed = limits.map(({ what, rule }) => ({ key: keyOf(what), rule }));
    return this.locked(
      keyed.map(({ key }) => key),
      (tries, now) => {
        const judged = keyed.map(({ key, rule }) => ({ key, ...judge(tries(key), rule, now) }));
        const waitMs = Math.max(...judged.map((j) => j.waitMs));
        return { waitMs, next: waitMs > 0 ? {} : Object.fromEntries(judged.map((j) => [j.key, j.tries])) };
      },
    );
  }

  async expire(): Promise<void> {
    await this.database.query(EXPIRE);
  }

  private async locked(
    keys: readonly string[],
    decide: (tries: (key: string) => Tries | null, now: number) => { waitMs: number; next: Record<string, Tries> },
  ): Promise<number> {
    return this.database.transaction(async (tx) => {
      const rows = await tx.query<Row>(LOCK, [keys]);
      const now = Number(rows[0]?.now);
      const { waitMs, next } = decide((key) => triesOf(rows.find((row) => row.key === key)), now);
      const changed = Object.entries(next);
      await tx.query(SAVE, [
        changed.map(([key]) => key),
        changed.map(([, tries]) => tries.count),
        changed.map(([, tries]) => tries.since),
        changed.map(([, tries]) => tries.blockedTill),
      ]);
      return waitMs;
    }, REQUEST_DEADLINE_MS);
  }
}

/** What somebody is told who has to wait. */
export function tooMany(waitMs: number): DomainError {
  const seconds = Math.ceil(waitMs / 1000);
  const words = seconds < 90 ? `${seconds} seconds` : `${Math.ceil(seconds / 60)} minutes`;
  return new DomainError('rate_limited', `Too many tries. Please wait for ${words} and try again`, [], seconds);
}

/** One household or machine: of IPv6, whoever has one address has all of its /64. */
export function addressKey(address: string): string {
  if (!isIPv6(address)) return address;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  const [head = '', tail] = address.replace(/%.*$/, '').split('::');
  const front = head.split(':').filter(Boolean);
  const back = tail === undefined ? [] : tail.split(':').filter(Boolean);
  const zeros = Array.from({ length: 8 - front.length - back.length }, () => '0');
  return [...front, ...zeros, ...back].slice(0, 4).join(':');
}

function keysOf(email: string, address: string): { pair: string; address: string; crowd: string } {
  const from = addressKey(address);
  return { pair: keyOf(`pair ${from} ${email}`), address: keyOf(`address ${from}`), crowd: keyOf(`crowd ${email}`) };
}

function keyOf(what: string): string {
  return createHash('sha256').update(what).digest('base64url');
}

function triesOf(row: Row | undefined): Tries | null {
  if (row === undefined || row.tries === 0) return null;
  return { count: row.tries, since: Number(row.since), blockedTill: Number(row.blocked_till) };
}
