import { makeResults, queueResults, untilSettled } from '../backlog';
import type { Measure, Size, Trial } from '../figure';
import { machineTime } from '../peer';
import { ACCOUNTS, type Receiver, type Stage } from '../stage';

const UNIT = 'webhooks/s';
/** Sends in flight; with this many the bare loop was at its best. */
const CONCURRENCY = 128;
const PG_BOSS_LOOPS = 2;

/** Signed webhooks per second while a backlog drains, attempts logged and the order of each entity kept. */
export const delivery: Trial = {
  figures: [
    {
      name: 'delivery',
      title: 'Delivery of a backlog of {messages}, against a bare undici loop that signs and posts (no database)',
      unit: UNIT,
      of: 'gateway',
      against: 'bare',
      reach: { sense: 'at least', value: 0.5 },
    },
    {
      name: 'delivery-pg-boss',
      title: 'Delivery of a backlog of {messages}, against pg-boss: fetch 500, post, complete in bulk',
      unit: UNIT,
      of: 'gateway',
      against: 'pg-boss',
      reach: { sense: 'at least', value: 1.3 },
    },
    {
      name: 'delivery-graphile',
      title: 'Delivery of a backlog of {messages}, against Graphile Worker at the same concurrency',
      unit: UNIT,
      of: 'gateway',
      against: 'graphile',
      reach: { sense: 'at least', value: 3 },
    },
  ],
  sizes: {
    usual: { rounds: 5, messages: 10_000 },
    quick: { rounds: 5, messages: 1000 },
    long: { rounds: 5, messages: 50_000 },
  },
  async prepare(stage, size, wanted) {
    const contestants: Record<string, (stage: Stage, size: Size) => Promise<Measure>> = {
      gateway: drainOf,
      bare: (s, z) => peerOf(s, z, 'undici-sender', false),
      'pg-boss': (s, z) => peerOf(s, z, 'pg-boss-sender', true),
      graphile: (s, z) => peerOf(s, z, 'graphile-sender', true),
    };
    const measures: Record<string, Measure> = {};
    for (const [name, bringUp] of Object.entries(contestants)) {
      if (wanted.has(name)) measures[name] = await bringUp(stage, size);
    }
    return measures;
  },
};

/** One worker process; from when the backlog becomes visible until its last message has left the queue. */
async function drainOf(stage: Stage, { messages = 0 }: Size): Promise<Measure> {
  const database = await stage.database();
  const receiver = await stage.receiver();
  await stage.gateway(database, 'worker');
  return () => drain(database, receiver, messages);
}

export async function drain(
  database: Awaited<ReturnType<Stage['database']>>,
  receiver: Receiver,
  messages: number,
): Promise<number> {
  await receiver.reset();
  const ids = await queueResults(database, messages, ACCOUNTS);
  const begun = machineTime();
  await database.query(`select pg_notify('ats_gateway_wake_up', 'outbox')`);
  await receiver.reach(messages);
  await untilSettled(database);
  const seconds = (machineTime() - begun) / 1000;
  await receiver.verify(ids);
  return messages / seconds;
}

async function peerOf(stage: Stage, { messages = 0 }: Size, name: string, withDatabase: boolean): Promise<Measure> {
  const database = await stage.emptyDatabase();
  const receiver = await stage.receiver();
  const peer = stage.peer(name);
  if (withDatabase) await peer.call('open', database.url);
  return async () => {
    await receiver.reset();
    const webhooks = await makeResults(database, messages, ACCOUNTS);
    await peer.call('load', webhooks);
    const begun = machineTime();
    await peer.call('run', { origin: receiver.origin, concurrency: CONCURRENCY, loops: PG_BOSS_LOOPS });
    const seconds = (machineTime() - begun) / 1000;
    await receiver.verify(webhooks.map((w) => w.referenceId));
    return messages / seconds;
  };
}
