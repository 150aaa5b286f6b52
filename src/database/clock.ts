import { Injectable } from '@nestjs/common';
import { performance } from 'node:perf_hooks';
import { V7Generator } from 'uuidv7';
import { Database, statement } from './database';

const SAMPLE = statement('clock_sample', `select extract(epoch from clock_timestamp()) * 1000 as epoch_ms`);

/**
 * The database's time, carried forward between samples by this process's monotonic clock: a host whose own clock is
 * wrong, or jumps, signs and stamps correctly all the same.
 */
@Injectable()
export class Clock {
  private readonly ids = new V7Generator();
  private epochMs = Date.now();
  private sampledAt = performance.now();

  constructor(private readonly database: Database) {}

  /** Measures the database's time anew; the error is at most half of the round trip. */
  async synchronise(): Promise<void> {
    const before = performance.now();
    const [row] = await this.database.query<{ epoch_ms: string }>(SAMPLE);
    const after = performance.now();
    this.epochMs = Number(row?.epoch_ms);
    this.sampledAt = (before + after) / 2;
  }

  /** Milliseconds since 1970, by the database's clock. */
  now(): number {
    return this.epochMs + performance.now() - this.sampledAt;
  }

  unixSeconds(): number {
    return Math.floor(this.now() / 1000);
  }

  /** Sorts after every id this process made before, even when the clock was set back by up to 10 s. */
  uuidv7(): string {
    return this.ids.generateOrResetWithTs(Math.floor(this.now())).toString();
  }
}

/** The time inside a UUIDv7, in milliseconds since 1970. */
export function uuidTime(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}

/** The smallest UUID that could have been made at `epochMs`: the bound of a range of ids that is a range of time. */
export function uuidFloor(epochMs: number): string {
  const hex = Math.floor(epochMs).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-0000-0000-000000000000`;
}
