import { CLIENT_ID, HANGING, targets } from '../accounts';
import { queueOneEntity } from '../backlog';
import type { BenchDatabase } from '../bench-database';
import type { Measure, Size, Trial } from '../figure';
import type { Stage } from '../stage';
import { delays, percentile } from './latency';

const QUIET_ACCOUNTS = 20;

/** Whether an account whose endpoint hangs is felt by the others. */
export const quietAccounts: Trial = {
  figures: [
    {
      name: 'quiet-accounts',
      title: 'Quiet accounts’ delivery p95 beside one with {messages} due to a hanging endpoint, against alone',
      unit: 'ms',
      of: 'beside',
      against: 'alone',
      reach: { sense: 'at most', value: 2 },
    },
  ],
  sizes: { usual: { rounds: 5, seconds: 4, rate: 40, messages: 100_000 }, quick: null },
  async prepare(stage, size) {
    return { beside: await latency(stage, size, true), alone: await latency(stage, size, false) };
  },
};

async function latency(
  stage: Stage,
  { seconds = 6, rate = 40, messages = 0 }: Size,
  beside: boolean,
): Promise<Measure> {
  const database = await stage.database();
  if (beside) await queueHanging(database, messages);
  const { origin } = await stage.gateway(database, 'all');
  const receiver = await stage.receiver();
  return async () => {
    if (beside) await closeBreaker(database);
    await receiver.reset();
    const options = { origin, targets: targets(QUIET_ACCOUNTS), connections: 16, seconds, rate };
    return percentile(await delays(receiver, await stage.load(options)), 0.95);
  };
}

/** Each message of an entity of its own, so that all of them are due. */
async function queueHanging(database: BenchDatabase, messages: number): Promise<void> {
  await queueOneEntity(database, HANGING, messages);
  await database.query(
    `update outbox_message set entity_key = format('["${CLIENT_ID}","candidate","%s"]', id) where ats_id = $1`,
    [HANGING],
  );
}

/** As if the endpoint had only begun to hang. */
async function closeBreaker(database: BenchDatabase): Promise<void> {
  await database.query(
    `update endpoint set failures_in_row = 0, breaker_pause_ms = 0, paused_until = '-infinity', probe_until = '-infinity'
      where ats_id = $1`,
    [HANGING],
  );
  await database.query('update outbox_message set available_at = now() where ats_id = $1 and available_at > now()', [
    HANGING,
  ]);
}
