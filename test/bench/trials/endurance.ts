import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { spread, type Trial } from '../figure';
import type { Program } from '../program';
import type { Stage } from '../stage';
import { flowsPerSecond, startApiAndWorker } from './end-to-end';

/** Of a long load, so much is counted and verified at a time. */
const STRETCH_SECONDS = 20;
const READINGS = 9;

/** What is left of the rate while somebody's snapshot keeps every dead row. */
export const snapshot: Trial = {
  figures: [
    {
      name: 'snapshot',
      title: 'Throughput while another session holds a snapshot for {hold} s, against before it',
      unit: 'flows/s',
      of: 'held',
      against: 'free',
      reach: { sense: 'at least', value: 0.7 },
    },
  ],
  sizes: { usual: null, long: { rounds: 5, seconds: 20, hold: 300 } },
  async prepare(stage, { seconds = 20, hold = 300 }) {
    const { api, database } = await startApiAndWorker(stage);
    // Held and free always follow each other in this order, whoever is asked first.
    const [free, held]: [number[], number[]] = [[], []];
    const measure = async (): Promise<void> => {
      await database.query('vacuum');
      free.push(await flowsPerSecond(stage, api.origin, seconds));
      const holder = new Client({ connectionString: database.url });
      await holder.connect();
      try {
        await holder.query('begin isolation level repeatable read; select count(*) from account');
        const until = performance.now() + (hold - seconds) * 1000;
        while (performance.now() < until) await flowsPerSecond(stage, api.origin, Math.min(seconds, STRETCH_SECONDS));
        held.push(await flowsPerSecond(stage, api.origin, seconds));
      } finally {
        await holder.end();
      }
    };
    const take = (values: () => number[]) => async () => {
      if (values().length === 0) await measure();
      return values().shift()!;
    };
    return { free: take(() => free), held: take(() => held) };
  },
};

/** Whether memory grows with the work done. */
export const memory: Trial = {
  figures: [
    {
      name: 'memory-api',
      title: 'Resident memory of the API after {late} s of full load, against after {early} s',
      unit: 'MiB',
      of: 'api late',
      against: 'api early',
      reach: { sense: 'at most', value: 1.1 },
    },
    {
      name: 'memory-worker',
      title: 'Resident memory of the worker after {late} s of full load, against after {early} s',
      unit: 'MiB',
      of: 'worker late',
      against: 'worker early',
      reach: { sense: 'at most', value: 1.1 },
    },
  ],
  // One round is these ten minutes; each value is the median of readings over the seconds before.
  sizes: { usual: null, long: { rounds: 1, cold: 1, early: 60, late: 600 } },
  async prepare(stage, { early = 60, late = 600 }) {
    let readings: Promise<Record<string, number>> | undefined;
    const reading = (name: string) => async () => (await (readings ??= readMemory(stage, early, late)))[name]!;
    return Object.fromEntries(
      ['api early', 'api late', 'worker early', 'worker late'].map((name) => [name, reading(name)]),
    );
  },
};

async function readMemory(stage: Stage, early: number, late: number): Promise<Record<string, number>> {
  const { api, worker } = await startApiAndWorker(stage);
  const begun = performance.now();
  const load = (async () => {
    while (performance.now() - begun < late * 1000) await flowsPerSecond(stage, api.origin, STRETCH_SECONDS);
  })();
  const at = async (seconds: number, program: Program): Promise<number> => {
    const readings: number[] = [];
    while (readings.length < READINGS) {
      const next = begun + (seconds + readings.length - READINGS) * 1000;
      await sleep(Math.max(0, next - performance.now()));
      readings.push((await program.memory()) / 2 ** 20);
    }
    return spread(readings).median;
  };
  const [apiEarly, workerEarly] = await Promise.all([at(early, api), at(early, worker)]);
  const [apiLate, workerLate] = await Promise.all([at(late, api), at(late, worker)]);
  await load;
  return { 'api early': apiEarly, 'api late': apiLate, 'worker early': workerEarly, 'worker late': workerLate };
}
