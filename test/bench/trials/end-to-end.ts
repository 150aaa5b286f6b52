import { targets } from '../accounts';
import type { BenchDatabase } from '../bench-database';
import type { Measure, Trial } from '../figure';
import type { Program } from '../program';
import { ACCOUNTS, type Stage } from '../stage';

const CONNECTIONS = 64;
const CONCURRENCY = 128;
/** Flows between 202 and delivery: enough to keep every stage busy, few enough to show what can be kept up. */
const WINDOW = 2000;
/** Before they are counted, the pipeline is filling. */
const MAX_WARM_UP_SECONDS = 1;

/** Flows per second from `202` to delivered, at the pace that can be kept up, everything on one machine. */
export const endToEnd: Trial = {
  figures: [
    {
      name: 'end-to-end',
      title: 'End to end for {seconds} s, against a twin behind the same front, built with pg-boss',
      unit: 'flows/s',
      of: 'gateway',
      against: 'twin',
      reach: { sense: 'at least', value: 1.5 },
    },
  ],
  sizes: { usual: { rounds: 5, seconds: 4 }, quick: { rounds: 5, seconds: 0.5 }, long: { rounds: 5, seconds: 60 } },
  async prepare(stage, { seconds = 4 }) {
    return { gateway: await gatewayFlows(stage, seconds), twin: await twinFlows(stage, seconds) };
  },
};

/** The gateway in two processes, as it runs in production. */
export async function startApiAndWorker(
  stage: Stage,
): Promise<{ database: BenchDatabase; api: Program; worker: Program }> {
  const database = await stage.database();
  return { database, api: await stage.gateway(database, 'api'), worker: await stage.gateway(database, 'worker') };
}

async function gatewayFlows(stage: Stage, seconds: number): Promise<Measure> {
  const { api } = await startApiAndWorker(stage);
  return () => flowsPerSecond(stage, api.origin, seconds);
}

async function twinFlows(stage: Stage, seconds: number): Promise<Measure> {
  const database = await stage.database();
  const queue = await stage.emptyDatabase();
  const worker = stage.peer('twin-worker');
  await worker.call('open', queue.url);
  const api = await stage.gateway(database, 'api', { preload: 'pg-boss-accept', databaseUrl: queue.url });
  await worker.call('start', { origin: (await stage.receiver()).origin, concurrency: CONCURRENCY });
  return () => flowsPerSecond(stage, api.origin, seconds);
}

/** Of the flows that arrived while the load went on; all that were acknowledged must arrive in the end. */
export async function flowsPerSecond(stage: Stage, origin: string, seconds: number): Promise<number> {
  const receiver = await stage.receiver();
  await receiver.reset();
  const whole = seconds + Math.min(seconds / 2, MAX_WARM_UP_SECONDS);
  const { ids, answeredAt } = await stage.load({
    origin,
    targets: targets(ACCOUNTS),
    connections: CONNECTIONS,
    seconds: whole,
    window: WINDOW,
  });
  const { arrivals } = await receiver.verify(ids);
  const end = answeredAt[0]! + whole * 1000;
  const steady = arrivals.filter(([, at]) => at <= end && at > end - seconds * 1000);
  return steady.length / seconds;
}
