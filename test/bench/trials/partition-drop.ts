import { targets } from '../accounts';
import { makeHistory } from '../backlog';
import { withPartitions } from '../bench-database';
import type { Trial } from '../figure';
import { ACCOUNTS } from '../stage';

const DAY_MS = 86_400_000;
const RATE = 200;
const SECONDS_AROUND = 1;

/** How long dropping a full day takes, and the longest that anybody's accept took meanwhile. */
export const partitionDrop: Trial = {
  figures: [
    {
      name: 'partition-drop',
      title: 'Dropping a day’s partitions of {rows} flows',
      unit: 's',
      of: 'drop',
      reach: { sense: 'at most', value: 1 },
    },
    {
      name: 'partition-drop-stall',
      title: 'The longest accept while a day is dropped, at 200 requests/s',
      unit: 'ms',
      of: 'stall',
      reach: { sense: 'at most', value: 100 },
    },
  ],
  sizes: { usual: { rounds: 5, rows: 200_000 }, quick: null, long: { rounds: 5, rows: 1_000_000 } },
  async prepare(stage, { rows = 0 }) {
    const database = await stage.database();
    const { origin } = await stage.gateway(database, 'api');
    const today = Math.floor(Date.now() / DAY_MS) * DAY_MS;
    const acknowledged: string[] = [];
    let latencies: number[] = [];
    const dropDay = async (): Promise<number> => {
      await makeHistory(database, rows, 1, 3);
      const load = stage.load({
        origin,
        targets: targets(ACCOUNTS),
        connections: 16,
        rate: RATE,
        seconds: 2 * SECONDS_AROUND,
      });
      await new Promise((resume) => setTimeout(resume, SECONDS_AROUND * 1000));
      const begun = performance.now();
      await withPartitions(database.url, async (partitions) => {
        for (const table of ['delivery_attempt', 'result_event', 'flow'] as const) {
          const dropped = await partitions.dropBefore(table, today - 2 * DAY_MS);
          if (dropped.length !== 1) throw new Error(`The run is void: dropped ${dropped.join(', ')} of ${table}`);
        }
      });
      const seconds = (performance.now() - begun) / 1000;
      const report = await load;
      acknowledged.push(...report.ids);
      latencies = report.latencies;
      return seconds;
    };
    stage.onCheck(async () => {
      await stage.gateway(database, 'worker');
      await (await stage.receiver()).verify(acknowledged);
    });
    // The two are of the same drop: whoever comes first in a round makes it.
    let seconds: number | undefined;
    const once = async (): Promise<number> => {
      const value = seconds ?? (await dropDay());
      seconds = seconds === undefined ? value : undefined;
      return value;
    };
    return {
      drop: once,
      stall: async () => {
        await once();
        return Math.max(...latencies);
      },
    };
  },
};
