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
const TABLES = ['flow', 'result_event', 'delivery_attempt'] as const;

const EXISTING = statement(
  'partitions_existing',
  `select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = $1::regclass`,
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
    for (const table of TABLES) {
      const existing = new Set((await this.database.query<{ name: string }>(EXISTING, [table])).map((row) => row.name));
      for (let day = -1; day <= DAYS_AHEAD; day++) {
        const from = today + day * DAY_MS;
        if (!existing.has(partitionName(table, from))) await this.attach(table, from);
      }
    }
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

const MISSING = statement('partition_missing', `select to_regclass($1) is null as missing`);
const LOCK_NOT_AVAILABLE = '55P03';

function partitionName(table: string, from: number): string {
  return `${table}_${new Date(from).toISOString().slice(0, 10).replaceAll('-', '')}`;
}
