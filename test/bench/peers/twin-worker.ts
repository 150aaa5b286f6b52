// The twin's worker: processes and delivers in batches through pg-boss, and logs each attempt. What a careful team would
// build on it: set-based statements, a batch in one transaction, jobs completed in bulk.
import { Pool, type PoolClient } from 'pg';
import type PgBoss from 'pg-boss';
import { setTimeout as sleep } from 'node:timers/promises';
import { uuidv7 } from 'uuidv7';
import { toEnvelope } from '../../../src/events/outbound';
import { succeeded } from '../../../src/events/results';
import type { Write } from '../../../src/events/inbound';
import { serve } from '../peer';
import { DELIVER, PROCESS, twinBoss } from './twin';
import { eachOf, post, type DueWebhook } from './webhook';

const BATCH = 500;
const IDLE_MS = 20;
const TABLES = `
  create table candidate (ats_id text, client_id text, candidate_id text, data json not null, updated_at timestamptz not null default now(),
                          primary key (ats_id, client_id, candidate_id));
  create table result_event (reference_id uuid primary key, ats_id text not null, body text not null, created_at timestamptz not null default now());
  create table attempt (id uuid primary key, ats_id text not null, reference_id uuid not null, at timestamptz not null default now(),
                        status smallint not null, duration_ms int not null, signature text not null)`;

let boss: PgBoss;
let pool: Pool;

async function transaction(work: (client: PoolClient) => Promise<void>): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query('begin');
    await work(client);
    await client.query('commit');
  } finally {
    client.release();
  }
}

const within = (client: PoolClient) => ({
  db: { executeSql: (text: string, values: unknown[]) => client.query(text, values) },
});

async function processBatch(): Promise<number> {
  const jobs = await boss.fetch<Write>(PROCESS, { batchSize: BATCH });
  if (jobs.length === 0) return 0;
  const writes = [...new Map(jobs.map(({ data }) => [`${data.atsId} ${data.entityId}`, data])).values()];
  const due = writes.map((write): DueWebhook => {
    const result = succeeded(write, 'candidate.created', write.payload as object);
    return {
      atsId: write.atsId,
      referenceId: write.referenceId,
      event: result.event,
      body: toEnvelope(result, Date.now()),
    };
  });
  await transaction(async (client) => {
    await client.query(
      `insert into candidate select * from unnest($1::text[], $2::text[], $3::text[], $4::json[])
       on conflict (ats_id, client_id, candidate_id) do update set data = excluded.data, updated_at = now()`,
      [
        writes.map((w) => w.atsId),
        writes.map((w) => w.clientId),
        writes.map((w) => w.entityId),
        writes.map((w) => JSON.stringify(w.payload)),
      ],
    );
    await client.query('insert into result_event select * from unnest($1::uuid[], $2::text[], $3::text[])', [
      due.map((d) => d.referenceId),
      due.map((d) => d.atsId),
      due.map((d) => d.body),
    ]);
    await boss.insert(
      due.map((data) => ({ name: DELIVER, data })),
      within(client),
    );
    const ids = jobs.map((job) => job.id);
    await boss.complete(PROCESS, ids, within(client));
  });
  return jobs.length;
}

async function deliverBatch(origin: string, concurrency: number): Promise<number> {
  const jobs = await boss.fetch<DueWebhook>(DELIVER, { batchSize: BATCH });
  if (jobs.length === 0) return 0;
  const sent: { due: DueWebhook; durationMs: number; signature: string }[] = [];
  await eachOf(jobs, concurrency, async ({ data }) => sent.push({ due: data, ...(await post(origin, data)) }));
  await transaction(async (client) => {
    await client.query(
      `insert into attempt (id, ats_id, reference_id, status, duration_ms, signature)
       select id, ats_id, reference_id, 200, ms, signature
         from unnest($1::uuid[], $2::text[], $3::uuid[], $4::int[], $5::text[]) t(id, ats_id, reference_id, ms, signature)`,
      [
        sent.map(() => uuidv7()),
        sent.map((s) => s.due.atsId),
        sent.map((s) => s.due.referenceId),
        sent.map((s) => s.durationMs),
        sent.map((s) => s.signature),
      ],
    );
    const ids = jobs.map((job) => job.id);
    await boss.complete(DELIVER, ids, within(client));
  });
  return jobs.length;
}

async function forever(work: () => Promise<number>): Promise<never> {
  for (;;) if ((await work()) === 0) await sleep(IDLE_MS);
}

function end(error: unknown): void {
  process.stderr.write(`${String(error)}\n`);
  process.exit(1);
}

serve({
  async open(url: string) {
    pool = new Pool({ connectionString: url, max: 8 });
    await pool.query(TABLES);
    boss = await twinBoss(url, 8);
  },
  start({ origin, concurrency }: { origin: string; concurrency: number }) {
    forever(processBatch).catch(end);
    forever(() => deliverBatch(origin, concurrency)).catch(end);
  },
});
