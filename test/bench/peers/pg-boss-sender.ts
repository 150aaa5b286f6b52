// pg-boss as its documentation has it for throughput: fetches 500, posts them, completes them in bulk.
import PgBoss from 'pg-boss';
import { serve } from '../peer';
import { eachOf, post, type DueWebhook } from './webhook';

const QUEUE = 'deliver';
let boss: PgBoss;

async function fetchAndSend(origin: string, concurrency: number): Promise<number> {
  const jobs = await boss.fetch<DueWebhook>(QUEUE, { batchSize: 500 });
  if (jobs.length === 0) return 0;
  await eachOf(jobs, concurrency, (job) => post(origin, job.data));
  const ids = jobs.map((job) => job.id);
  await boss.complete(QUEUE, ids);
  return jobs.length;
}

serve({
  async open(url: string) {
    boss = new PgBoss({ connectionString: url, max: 8, schedule: false });
    boss.on('error', (error) => process.stderr.write(`${error.message}\n`));
    await boss.start();
    await boss.createQueue(QUEUE);
  },
  async load(webhooks: readonly DueWebhook[]) {
    for (let from = 0; from < webhooks.length; from += 5000) {
      await boss.insert(webhooks.slice(from, from + 5000).map((data) => ({ name: QUEUE, data })));
    }
  },
  /** @param loops as many as fetch side by side, so that one posts while another fetches */
  async run({ origin, concurrency, loops }: { origin: string; concurrency: number; loops: number }) {
    const loop = async (): Promise<void> => {
      while ((await fetchAndSend(origin, Math.ceil(concurrency / loops))) > 0);
    };
    await Promise.all(Array.from({ length: loops }, loop));
  },
});
