import { targets } from '../accounts';
import { spread, type Trial } from '../figure';
import type { LoadReport } from '../peers/load';
import { ACCOUNTS, type Receiver } from '../stage';

const CONNECTIONS = 64;

/** How long an accept takes while the API is half as busy as it can be. */
export const ingestLatency: Trial = {
  figures: [
    {
      name: 'ingest-p99',
      title: 'Ingest latency p99 at half of the rate',
      unit: 'ms',
      of: 'gateway',
      reach: { sense: 'at most', value: 50 },
    },
  ],
  sizes: { usual: { rounds: 5, seconds: 3 }, quick: null },
  async prepare(stage, { seconds = 3 }) {
    const database = await stage.database();
    const { origin } = await stage.gateway(database, 'api');
    const options = { origin, targets: targets(ACCOUNTS), connections: CONNECTIONS, seconds };
    const acknowledged: string[] = [];
    const load = async (rate?: number): Promise<LoadReport> => {
      const report = await stage.load({ ...options, rate });
      acknowledged.push(...report.ids);
      return report;
    };
    stage.onCheck(async () => {
      await stage.gateway(database, 'worker');
      await (await stage.receiver()).verify(acknowledged);
    });
    const rates: number[] = [];
    return {
      gateway: async () => {
        const full = await load();
        rates.push(full.ids.length / full.seconds);
        return percentile((await load(spread(rates).median / 2)).latencies, 0.99);
      },
    };
  },
};

/** From `202` to arrival while hardly anything happens. */
export const idleLatency: Trial = {
  figures: [
    {
      name: 'idle-p50',
      title: 'Idle latency p50: `202` to arrival at 5 requests/s',
      unit: 'ms',
      of: 'p50',
      reach: { sense: 'at most', value: 15 },
    },
    {
      name: 'idle-p99',
      title: 'Idle latency p99: `202` to arrival at 5 requests/s',
      unit: 'ms',
      of: 'p99',
      reach: { sense: 'at most', value: 60 },
    },
  ],
  sizes: {
    usual: { rounds: 5, seconds: 5, rate: 5 },
    quick: { rounds: 5, seconds: 0.6, rate: 5 },
    long: { rounds: 5, seconds: 30, rate: 5 },
  },
  async prepare(stage, { seconds = 6, rate = 5 }) {
    const { origin } = await stage.gateway(await stage.database(), 'all');
    const receiver = await stage.receiver();
    let times: number[] = [];
    const measure = async (): Promise<void> => {
      await receiver.reset();
      const report = await stage.load({ origin, targets: targets(ACCOUNTS), connections: 4, seconds, rate });
      times = await delays(receiver, report);
    };
    // The two are of the same requests: whoever comes first in a round makes them.
    let turn = 0;
    const share = (part: number) => async () => {
      if (turn++ % 2 === 0) await measure();
      return percentile(times, part);
    };
    return { p50: share(0.5), p99: share(0.99) };
  },
};

/** Milliseconds from each `202` to its arrival, all of which are checked; an arrival that overtook its `202` counts as 0. */
export async function delays(receiver: Receiver, { ids, answeredAt }: LoadReport): Promise<number[]> {
  const arrivedAt = new Map((await receiver.verify(ids)).arrivals);
  return ids.map((id, i) => Math.max(0, arrivedAt.get(id)! - answeredAt[i]!));
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * share) - 1] ?? NaN;
}
