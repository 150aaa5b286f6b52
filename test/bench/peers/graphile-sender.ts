// Graphile Worker with one task that signs and posts.
import { Logger, makeWorkerUtils, run, type Runner } from 'graphile-worker';
import { serve } from '../peer';
import { post, type DueWebhook } from './webhook';

const silent = new Logger(() => () => undefined);
let connectionString = '';
let left = 0;
let finished: () => void = () => undefined;

serve({
  async open(url: string) {
    connectionString = url;
    const utils = await makeWorkerUtils({ connectionString, logger: silent });
    await utils.migrate();
    await utils.release();
  },
  async load(webhooks: readonly DueWebhook[]) {
    const utils = await makeWorkerUtils({ connectionString, logger: silent });
    left = webhooks.length;
    for (let from = 0; from < webhooks.length; from += 5000) {
      await utils.addJobs(webhooks.slice(from, from + 5000).map((payload) => ({ identifier: 'post', payload })));
    }
    await utils.release();
  },
  async run({ origin, concurrency }: { origin: string; concurrency: number }) {
    const done = new Promise<void>((resolve) => (finished = resolve));
    const runner: Runner = await run({
      connectionString,
      concurrency,
      maxPoolSize: 16,
      noHandleSignals: true,
      logger: silent,
      taskList: { post: (payload) => post(origin, payload as DueWebhook).then(() => undefined) },
    });
    runner.events.on('job:complete', () => {
      if (--left === 0) finished();
    });
    await done;
    await runner.stop();
  },
});
