import type { Trial } from '../figure';
import { ACCOUNTS } from '../stage';
import { targets } from '../accounts';

const CONNECTIONS = 64;
const UNIT = 'requests/s';

/** Accepted `POST /v1/candidates` per second at 64 connections, with nobody processing. */
export const ingest: Trial = {
  figures: [
    {
      name: 'ingest',
      title: 'Ingest, against the same app answering from memory',
      unit: UNIT,
      of: 'gateway',
      against: 'memory',
      reach: { sense: 'at least', value: 0.85 },
    },
    {
      name: 'ingest-typeorm',
      title: 'Ingest, against TypeORM `save()` of candidate and outbox row',
      unit: UNIT,
      of: 'gateway',
      against: 'typeorm',
      reach: { sense: 'at least', value: 3 },
    },
    {
      name: 'front',
      title: 'The front alone (memory `accept()`), against bare Express 5 with `express.json()`',
      unit: UNIT,
      of: 'memory',
      against: 'express',
      reach: { sense: 'at least', value: 0.6 },
    },
  ],
  sizes: { usual: { rounds: 5, seconds: 2 }, quick: { rounds: 5, seconds: 0.25 } },
  async prepare(stage, { seconds = 2 }, wanted) {
    const database = await stage.database();
    const acknowledged: string[] = [];
    const apps = {
      gateway: () => stage.gateway(database, 'api'),
      memory: () => stage.gateway(database, 'api', { preload: 'memory-accept' }),
      typeorm: async () => stage.app('typeorm-app', { BENCH_DATABASE_URL: (await stage.emptyDatabase()).url }),
      express: () => stage.app('express-app'),
    };
    const measures: Record<string, () => Promise<number>> = {};
    for (const [name, start] of Object.entries(apps)) {
      if (!wanted.has(name)) continue;
      const { origin } = await start();
      measures[name] = async () => {
        const report = await stage.load({ origin, targets: targets(ACCOUNTS), connections: CONNECTIONS, seconds });
        if (name === 'gateway') acknowledged.push(...report.ids);
        return report.ids.length / report.seconds;
      };
    }
    // What was accepted is now delivered, all of it, as it was promised.
    stage.onCheck(async () => {
      if (!wanted.has('gateway')) return;
      await stage.gateway(database, 'worker');
      await (await stage.receiver()).verify(acknowledged);
    });
    return measures;
  },
};
