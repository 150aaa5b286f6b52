import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { Client } from 'pg';
import { Database, statement } from '../database/database';

/** What may have become due; also the payload of a notification. */
export type Topic = 'inbox' | 'outbox' | 'scoring';

const CHANNEL = 'ats_gateway_wake_up';
const NOTIFY = statement('wake_up_notify', `select pg_notify('${CHANNEL}', $1)`);
/** One notification in 20 ms serves every write of those 20 ms: its commit takes a lock on the whole server. */
const DEBOUNCE_MS = 20;
const RECONNECT_MS = 5000;

/**
 * Hints that shorten the wait for the next tick, within the process and, where it has no poller of its own, to others.
 * They may be lost, late or doubled: with all of them gone everything still happens within a second.
 */
@Injectable()
export class WakeUp implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly listeners = new Map<Topic, () => void>();
  /** Topics notified a moment ago, and whether another hint has come since. */
  private readonly recent = new Map<Topic, boolean>();
  private connection: Client | undefined;
  private reconnect: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(private readonly database: Database) {}

  /** @param listener called at every hint on `topic`; one for each topic */
  on(topic: Topic, listener: () => void): void {
    this.listeners.set(topic, listener);
  }

  /** Call it after the commit: a hint that overtakes its row finds nothing. */
  hint(topic: Topic): void {
    const listener = this.listeners.get(topic);
    if (listener !== undefined) listener();
    else this.notify(topic);
  }

  onApplicationBootstrap(): void {
    if (this.listeners.size > 0) void this.listen();
  }

  async onApplicationShutdown(): Promise<void> {
    this.closed = true;
    clearTimeout(this.reconnect);
    await this.connection?.end().catch(() => undefined);
  }

  /** The first hint goes at once; those of the next moment share one at its end. */
  private notify(topic: Topic): void {
    if (this.recent.has(topic)) {
      this.recent.set(topic, true);
      return;
    }
    this.recent.set(topic, false);
    this.database.query(NOTIFY, [topic]).catch(() => undefined);
    setTimeout(() => {
      const again = this.recent.get(topic);
      this.recent.delete(topic);
      if (again && !this.closed) this.notify(topic);
    }, DEBOUNCE_MS).unref();
  }

  private async listen(): Promise<void> {
    const { url } = this.database.source.options as { url: string };
    const client = new Client({
      connectionString: url,
      keepAlive: true,
      application_name: 'ats-gateway-wake-up',
      connectionTimeoutMillis: RECONNECT_MS,
    });
    const lost = (): void => {
      if (this.closed || this.connection !== client) return;
      this.connection = undefined;
      client.end().catch(() => undefined);
      this.reconnect = setTimeout(() => void this.listen(), RECONNECT_MS).unref();
    };
    this.connection = client;
    client.on('error', lost).on('end', lost);
    client.on('notification', ({ payload }) => this.listeners.get(payload as Topic)?.());
    try {
      await client.connect();
      await client.query(`listen ${CHANNEL}`);
    } catch {
      lost();
    }
  }
}
