import { Injectable } from '@nestjs/common';
import { Env } from '../config/env';

const KEPT = 100;

export interface Receipt {
  readonly received_at: string;
  readonly verified: boolean;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

/** What the receiver of the demo account got, for as long as this process lives. In production there is none. */
@Injectable()
export class Receipts {
  readonly possible: boolean;
  private received: readonly Receipt[] = [];
  private arrived = 0;
  private readonly listeners = new Set<() => void>();

  constructor(env: Env) {
    this.possible = !env.production;
  }

  /** So many in all, also those that are kept no longer. */
  get count(): number {
    return this.arrived;
  }

  add(receipt: Receipt): void {
    this.received = [receipt, ...this.received].slice(0, KEPT);
    this.arrived += 1;
    for (const listener of this.listeners) listener();
  }

  /** The last hundred, newest first. */
  list(): readonly Receipt[] {
    return this.received;
  }

  /** @returns what ends the listening */
  listen(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}
