import { Injectable } from '@nestjs/common';
import { Clock, uuidFloor } from './clock';
import { Database, statement } from './database';
import { sqlState } from './faults';

const DAY_MS = 86_400_000;
const DAYS_AHEAD = 7;
/** Waiting longer for a table's lock would make its readers and writers wait behind us. */
const LOCK_TIMEOUT_MS = 500;
const TRIES = 20;
/** Any number will do, so long as every release of the gateway uses this one. */
const UPKEEP_LOCK = 7_320_553;

/** The tables that are written once and dropped by the day; each is partitioned by a UUIDv7. */
export const PARTITIONED = ['flow', 'result_event', 'delivery_attempt'] as const;
export type Partitioned = (typeof PARTITIONED)[number];

const EXISTING = statement(
  'partitions_existing',
  `select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = $1::regclass`,
);

/** Every day's table, also one whose detaching was cut short: `attached` is false once it is nobody's partition. */
const DAYS = statement(
  'partitions_days',
  `select c.relname as name, i.inhrelid is not null as attached, coalesce(i.inhdetachpending, false) as pending
     from pg_class c left join pg_inherits i on i.inhrelid = c.oid
    where c.relkind = 'r' and c.relnamespace = current_schema()::regnamespace and c.relname ~ ('^' || $1 || '_\\d{8}$')
    order by c.relname`,
);

@Injectable()
export class Partitions {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  /**
   * Makes the partitions of yesterday (for ids made just before midnight), today and a week ahead. Attaching a table
   * made beforehand takes a lock that lets reads and writes of its siblings go on. Safe to call anywhere, any time.
   */
  async ensure(): Promise<void> {
    const today = Math.floor(this.clock.now() / DAY_MS) * DAY_MS;
    for (const table of PARTITIONED) {
      const existing = new Set((await this.database.query<{ name: string }>(EXISTING, [table])).map((row) => row.name));
      for (let day = -1; day <= DAYS_AHEAD; day++) {
        const from = today + day * DAY_MS;
        if (!existing.has(partitionName(table, from))) await this.attach(table, from);
      }
    }
  }

  /**
   * Drops the days that ended before `before` (milliseconds since 1970); returns their names. Reads and writes of the
   * other days go on: the detaching waits for nobody's lock and makes nobody wait, it only takes until everybody who might
   * still see the partition is done. Where somebody holds a snapshot too long, the next call goes on.
   */
  async dropBefore(table: Partitioned, before: number): Promise<string[]> {
    return this.database.session(async (tx) => {
      const run = (text: string) => tx.query({ name: '', text });
      const [lock] = await tx.query<{ taken: boolean }>(TRY_UPKEEP_LOCK);
      if (!lock?.taken) return [];
      await run(`set lock_timeout = ${LOCK_TIMEOUT_MS}`);
      const dropped: string[] = [];
      for (const { name, attached, pending } of await tx.query<Day>(DAYS, [table])) {
        if (dayOf(name) + DAY_MS > before) break;
        try {
          if (attached)
            await run(`alter table ${table} detach partition ${name} ${pending ? 'finalize' : 'concurrently'}`);
          await run(`drop table ${name}`);
          dropped.push(name);
        } catch (error) {
          if (sqlState(error) !== LOCK_NOT_AVAILABLE) throw error;
          // While one partition's detaching is pending, PostgreSQL refuses to begin another's.
          break;
        }
      }
      return dropped;
    }, DROP_DEADLINE_MS);
  }

  private async attach(table: string, from: number): Promise<void> {
    const name = partitionName(table, from);
    for (let attempt = 1; ; attempt++) {
      try {
        await this.database.transaction(async (tx) => {
          const run = (text: string) => tx.query({ name: '', text });
          await run(`set local lock_timeout = ${LOCK_TIMEOUT_MS}`);
          await run(`select pg_advisory_xact_lock(${UPKEEP_LOCK})`);
          const [row] = await tx.query<{ missing: boolean }>(MISSING, [name]);
          if (!row?.missing) return;
          await run(`create table ${name} (like ${table} including all)`);
          await run(
            `alter table ${table} attach partition ${name} for values from ('${uuidFloor(from)}') to ('${uuidFloor(from + DAY_MS)}')`,
          );
        });
        return;
      } catch (error) {
        if (sqlState(error) !== LOCK_NOT_AVAILABLE || attempt === TRIES) throw error;
      }
    }
  }
}

interface Day {
  name: string;
  attached: boolean;
  pending: boolean;
}

/** Removing the file of a large day takes a moment. */
const DROP_DEADLINE_MS = 120_000;
const TRY_UPKEEP_LOCK = statement('partitions_try_lock', `select pg_try_advisory_lock(${UPKEEP_LOCK}) as taken`);
const MISSING = statement('partition_missing', `select to_regclass($1) is null as missing`);
const LOCK_NOT_AVAILABLE = '55P03';

function partitionName(table: string, from: number): string {
  return `${table}_${new Date(from).toISOString().slice(0, 10).replaceAll('-', '')}`;
}

function dayOf(name: string): number {
  const [, year, month, day] = /_(\d{4})(\d{2})(\d{2})$/.exec(name) ?? [];
  return Date.UTC(Number(year), Number(month) - 1, Number(day));
}
