import { CLAIM, DUE_ACCOUNTS, PARK } from '../../../src/outbox/outbox.sql';
import { atsIds } from '../accounts';
import { queueOneEntity, queueResults } from '../backlog';
import type { BenchDatabase } from '../bench-database';
import { spread, type Measure, type Trial } from '../figure';
import { ACCOUNTS } from '../stage';

const CLAIMS_PER_ROUND = 30;
const LIMIT = 200;
/** What the worker offers, so that accounts with little leave something to others. */
const FREE = (1.5 * LIMIT) / ACCOUNTS;
const LEASE_MS = 15_000;

/** What a worker's look at the queue costs: the accounts with due messages, a claim round them, the parking. */
export const claim: Trial = {
  figures: [
    {
      name: 'claim',
      title: 'A claim among {messages} pending, a tenth of them of one entity, against among 1,000',
      unit: 'ms',
      of: 'many',
      against: 'few',
      reach: { sense: 'at most', value: 2 },
    },
  ],
  sizes: { usual: { rounds: 7, messages: 1_000_000 }, quick: null },
  async prepare(stage, { messages = 0 }) {
    const [few, many] = [await stage.database(), await stage.database()];
    await queueResults(few, 1000, ACCOUNTS);
    const one = Math.ceil(messages / 10);
    await queueOneEntity(many, atsIds(1)[0]!, one);
    await queueResults(many, messages - one, ACCOUNTS);
    return { many: claims(many), few: claims(few) };
  },
};

/** The median of some; each is rolled back, so that all meet the same queue. */
function claims(database: BenchDatabase): Measure {
  return async () => {
    const times: number[] = [];
    for (let n = 0; n < CLAIMS_PER_ROUND; n++) {
      await database.query('begin');
      const begun = performance.now();
      await claimOnce(database);
      times.push(performance.now() - begun);
      await database.query('rollback');
    }
    return spread(times).median;
  };
}

async function claimOnce(database: BenchDatabase): Promise<void> {
  const accounts = await database.query<{ ats_id: string }>(DUE_ACCOUNTS.text, ['', 256, [], [], '\u{10FFFF}']);
  const ids = accounts.map((account) => account.ats_id);
  const rows = await database.query<{ ats_id: string; id: string; attempt: number | null }>(CLAIM.text, [
    ids,
    ids.map(() => FREE),
    ids.map(() => '-infinity'),
    LIMIT,
    LEASE_MS,
  ]);
  const claimed = rows.filter((row) => row.attempt !== null).length;
  if (claimed !== LIMIT) throw new Error(`The run is void: ${claimed} messages were claimed`);
  const blocked = rows.filter((row) => row.attempt === null);
  if (blocked.length > 0)
    await database.query(PARK.text, [blocked.map((row) => row.ats_id), blocked.map((row) => row.id)]);
}
