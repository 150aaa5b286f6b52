// A loop that signs and posts, and nothing else: no database, no queue, no log.
import { serve } from '../peer';
import { eachOf, post, type DueWebhook } from './webhook';

let due: readonly DueWebhook[] = [];

serve({
  load(webhooks: readonly DueWebhook[]) {
    due = webhooks;
  },
  run: ({ origin, concurrency }: { origin: string; concurrency: number }) =>
    eachOf(due, concurrency, (webhook) => post(origin, webhook)),
});
