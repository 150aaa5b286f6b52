import { uuidFloor } from '../../src/database/clock';
import { PARTITIONED } from '../../src/database/partitions';
import { CLIENT_ID } from './accounts';
import type { BenchDatabase } from './bench-database';
import type { DueWebhook } from './peers/webhook';

/** A result as the gateway would store it, with `n` its number, `k` its account's and `id` its flow's. */
const BODY = `format('{"event":"candidate.created","event_id":"evt_%s","reference_id":"%s","client_id":"${CLIENT_ID}","timestamp":"2026-02-25T10:30:00Z","status":"success","error":null,"data":{"candidate_id":"candidate-%s","first_name":"Jane","last_name":"Smith","email":"candidate-%s@example.com","phone":"+31201234567","headline":"Senior backend engineer with ten years of distributed systems","location":"Amsterdam, NL","linkedin_url":"https://www.linkedin.com/in/jane-smith","skills":["TypeScript","PostgreSQL","Kubernetes","Event sourcing"],"custom_fields":{"source":"referral","rating":4}}}', replace(id::text, '-', ''), id, n, n)`;
const ENTITY = `format('["${CLIENT_ID}","candidate","candidate-%s"]', e)`;

/** One in ten entities has two messages, so that order has something to say. */
const MESSAGES = `select n, format('bench-%s', lpad((n % $2)::text, 3, '0')) as ats_id, n % ($1 * 9 / 10) as e, uuidv7() as id
                    from generate_series(1, $1::int) n`;

/** Queues so many results, round the accounts; all become visible at once. Returns their flows. */
export async function queueResults(database: BenchDatabase, count: number, accounts: number): Promise<string[]> {
  const rows = await database.query<{ id: string }>(
    `with m as materialized (${MESSAGES}),
          r as (insert into result_event (reference_id, ats_id, client_id, event, status, body, created_at, position)
                select id, ats_id, '${CLIENT_ID}', 'candidate.created', 'success', ${BODY}, now(), n from m)
     insert into outbox_message (ats_id, entity_key, reference_id) select ats_id, ${ENTITY}, id from m order by n
     returning reference_id as id`,
    [count, accounts],
  );
  return rows.map((row) => row.id);
}

/** The same results for those who do not read the gateway's tables. */
export function makeResults(database: BenchDatabase, count: number, accounts: number): Promise<DueWebhook[]> {
  return database.query<DueWebhook>(
    `select ats_id as "atsId", id as "referenceId", 'candidate.created' as event, ${BODY} as body from (${MESSAGES}) m`,
    [count, accounts],
  );
}

/** So many messages that all belong to one entity of one account. */
export async function queueOneEntity(database: BenchDatabase, atsId: string, count: number): Promise<void> {
  await database.query(
    `with m as materialized (select n, $1::text as ats_id, 0 as e, uuidv7() as id from generate_series(1, $2::int) n),
          r as (insert into result_event (reference_id, ats_id, client_id, event, status, body, created_at, position)
                select id, ats_id, '${CLIENT_ID}', 'candidate.created', 'success', ${BODY}, now(), n from m)
     insert into outbox_message (ats_id, entity_key, reference_id) select ats_id, ${ENTITY}, id from m order by n`,
    [atsId, count],
  );
}

/** Resolves once nothing is left to be settled. */
export async function untilSettled(database: BenchDatabase): Promise<void> {
  for (;;) {
    const [row] = await database.query<{ pending: boolean }>('select exists (select from outbox_message) as pending');
    if (!row?.pending) return;
    await new Promise((resume) => setTimeout(resume, 5));
  }
}

const DAY_MS = 86_400_000;

/**
 * Delivered flows with their results and attempts, spread over days, in partitions that are made here.
 *
 * @param newest how many days ago the last of these days is
 */
export async function makeHistory(database: BenchDatabase, count: number, days: number, newest = 0): Promise<void> {
  const each = Math.ceil(count / days);
  for (let ago = newest + days - 1; ago >= newest; ago--) {
    const from = Math.floor(Date.now() / DAY_MS - ago) * DAY_MS;
    await makeDay(database, from);
    // Of today only what has passed; a day's rows in the order of their time, as they would have come.
    const length = ago === 0 ? Date.now() - from : DAY_MS;
    await database.query(
      `with m as materialized (
              select n, format('bench-%s', lpad((n % 100)::text, 3, '0')) as ats_id, n as e,
                     uuidv7(to_timestamp($1::float8 / 1000 + n * ($2::float8 / 1000) / ($3::int + 1)) - clock_timestamp()) as id
                from generate_series(1, $3::int) n),
            f as (insert into flow (reference_id, ats_id, client_id, source, event, entity_id, payload)
                  select id, ats_id, '${CLIENT_ID}', 'rest', 'candidate.created', 'candidate-' || n, '{"candidate_id":"x"}' from m),
            r as (insert into result_event (reference_id, ats_id, client_id, event, status, body, created_at, position)
                  select id, ats_id, '${CLIENT_ID}', 'candidate.created', 'success', ${BODY}, now(), n from m)
       insert into delivery_attempt (id, ats_id, reference_id, direction, event, number, outcome, status_code, duration_ms,
                                     signature, request_headers, response_headers, response_body)
       select id, ats_id, id, 'outgoing', 'candidate.created', 1, 'success', 200, 12, repeat('0', 80), '{}', '{}', '{}' from m`,
      [from, length, each],
    );
  }
  await database.query('vacuum analyze');
}

async function makeDay(database: BenchDatabase, from: number): Promise<void> {
  const day = new Date(from).toISOString().slice(0, 10).replaceAll('-', '');
  const [low, high] = [from, from + DAY_MS].map(uuidFloor);
  for (const table of PARTITIONED) {
    await database.query(
      `create table if not exists ${table}_${day} partition of ${table} for values from ('${low}') to ('${high}')`,
    );
  }
}
