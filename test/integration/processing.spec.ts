import fc from 'fast-check';
import { EndpointHealth } from '../../src/accounts/endpoint-health.service';
import { Clock } from '../../src/database/clock';
import { createDataSource } from '../../src/database/data-source';
import { Database, statement, type Tx } from '../../src/database/database';
import { Partitions } from '../../src/database/partitions';
import type { Write } from '../../src/events/inbound';
import { succeeded } from '../../src/events/results';
import type { Handler } from '../../src/inbox/handler';
import { InboxQueue, type Claimed } from '../../src/inbox/inbox-queue.service';
import { logger } from '../../src/observability/logger';
import { Outbox } from '../../src/outbox/outbox.service';
import type { Handlers } from '../../src/processing/handlers';
import { ProcessingWorker } from '../../src/processing/processing.worker';
import { stages } from '../../src/processing/stages';
import type { WakeUp } from '../../src/queue/wake-up.service';
import { NamedFiles } from '../../src/uploads/named-files.service';
import { createDatabase, type TestDatabase } from '../support/postgres';
import { seededRandom } from '../support/random';
import { until } from '../support/until';

const NO_HINTS = { hint: () => undefined, on: () => undefined } as unknown as WakeUp;

let store: TestDatabase;
let database: Database;
let clock: Clock;
const opened: Database[] = [];
const workers: ProcessingWorker[] = [];

beforeAll(async () => {
  logger.level = 'silent';
  store = await createDatabase();
  database = new Database(await createDataSource(store.url, 6).initialize());
  clock = new Clock(database);
  await clock.synchronise();
  await new Partitions(database, clock).ensure();
  await sql('create table applied (seq bigint generated always as identity, lane text, entity_id text)');
});

afterEach(async () => {
  for (const worker of workers.splice(0)) await worker.beforeApplicationShutdown();
  for (const other of opened.splice(0)) await other.source.destroy();
  await sql('truncate applied, upload, inbox_message, outbox_message, result_event, flow, account cascade');
});

afterAll(async () => {
  await database.source.destroy();
  await store.drop();
});

function sql<T extends object>(text: string, values: unknown[] = [], tx: Tx = database): Promise<T[]> {
  return tx.query<T>(statement('', text), values);
}

/** Queues one message for each entity named as `workspace/entity`. */
async function enqueue(...entities: string[]): Promise<void> {
  const clients = entities.map((entity) => entity.split('/')[0]);
  await sql(`insert into account (ats_id, name, api_key_hash) values ('a', 'a', 'a') on conflict do nothing`);
  await sql(
    `insert into workspace (ats_id, client_id) select distinct 'a', c from unnest($1::text[]) c on conflict do nothing`,
    [clients],
  );
  await sql(
    `with t as (select * from unnest($1::text[], $2::text[], $3::uuid[]) with ordinality t(c, e, r, n)
     ), f as (insert into flow (reference_id, ats_id, client_id, source, event, entity_id, payload)
              select r, 'a', c, 'rest', 'candidate.created', e, '{}' from t)
     insert into inbox_message (ats_id, client_id, reference_id) select 'a', c, r from t order by n`,
    [clients, entities, entities.map(() => clock.uuidv7())],
  );
}

/** A file that is reserved for this entity's queued write, which names it. */
async function reserveFile(entity: string): Promise<void> {
  const id = clock.uuidv7();
  await sql('update flow set payload = $2 where entity_id = $1', [
    entity,
    JSON.stringify({ cv: { carv_file_id: id } }),
  ]);
  await sql(
    `insert into upload select $2, 'a', client_id, 'stored', 'cv.pdf', 'application/pdf', 1, now(), now() + interval '1 h',
            reference_id, 'candidate', entity_id from flow where entity_id = $1`,
    [entity, id],
  );
}

/** For whom the file of this entity is reserved, and whether the sweeper would take it. */
function reservations(): Promise<object[]> {
  return sql('select reserved_by, entity, entity_id, sweep_at = expires_at as swept from upload');
}

/** What the test's handler was called with, in order. */
type Calls = readonly Claimed[][];

/** A worker on a pool of its own whose only handler notes what it applies; `trouble` may throw, or return results. */
async function startWorker(
  trouble: (writes: readonly Claimed[], tx: Tx) => Promise<unknown> | undefined = () => undefined,
  deadlineMs?: number,
): Promise<{ worker: ProcessingWorker; calls: Calls }> {
  const own = new Database(await createDataSource(store.url, 4).initialize());
  opened.push(own);
  if (deadlineMs !== undefined) {
    const { transaction } = Database.prototype;
    jest.spyOn(own, 'transaction').mockImplementation((work) => transaction.call(own, work, deadlineMs));
  }
  const calls: Claimed[][] = [];
  const handler: Handler = async (tx, writes) => {
    const claimed = writes as readonly Claimed[];
    calls.push([...claimed]);
    await trouble(claimed, tx);
    await sql(
      'insert into applied (lane, entity_id) select * from unnest($1::text[], $2::text[])',
      [writes.map((w) => w.clientId), writes.map((w) => w.entityId)],
      tx,
    );
    return writes.map((w) => succeeded(w, 'candidate.created', { candidate_id: w.entityId }));
  };
  const byEvent: Handlers['byEvent'] = new Proxy({} as Handlers['byEvent'], { get: () => handler });
  const ownClock = new Clock(own);
  await ownClock.synchronise();
  const worker = new ProcessingWorker(
    new InboxQueue(own),
    new Outbox(own, ownClock, new EndpointHealth(own)),
    { byEvent },
    new NamedFiles(),
    own,
    NO_HINTS,
  );
  workers.push(worker);
  return { worker, calls };
}

/** Ticks the workers until `condition` holds; retries come due at once unless `patient`. */
function tickUntil(what: string, condition: () => Promise<boolean>, { patient = false } = {}): Promise<boolean> {
  return until(what, async () => {
    if (!patient) await sql('update inbox_message set available_at = now() where available_at > now()');
    for (const worker of workers) worker.tick();
    return condition();
  });
}

async function pending(): Promise<{ entity: string; failures: number }[]> {
  return sql(
    `select f.entity_id as entity, failures
       from inbox_message join flow f using (reference_id) order by inbox_message.id`,
  );
}

function drained(): Promise<boolean> {
  return pending().then((rows) => rows.length === 0);
}

async function applied(): Promise<string[]> {
  const rows = await sql<{ entity_id: string }>('select entity_id from applied order by seq');
  return rows.map((row) => row.entity_id);
}

/** In the order in which they will be delivered. */
async function results(): Promise<{ entity: string; status: string; code: string | null; data: unknown }[]> {
  return sql(
    `select f.entity_id as entity, r.status, r.body::json->'error'->>'code' as code, r.body::json->'data' as data
       from outbox_message o join result_event r using (reference_id) join flow f using (reference_id) order by o.id`,
  );
}

function grid(lanes: number, depth: number): string[] {
  return Array.from({ length: lanes * depth }, (_, i) => `w${i % lanes}/e${Math.floor(i / lanes)}`);
}

function entities(writes: readonly Write[]): string[] {
  return writes.map((w) => w.entityId);
}

async function loseLeases(...names: string[]): Promise<void> {
  await sql(
    `update inbox_message m set leased_until = now() - interval '1 ms'
       from flow f where f.reference_id = m.reference_id and f.entity_id = any($1::text[])`,
    [names],
  );
}

describe('a handler that throws', () => {
  test.each([
    ['an error of its own', () => new Error('broken')],
    [
      'words that sound like database trouble',
      () => new TypeError("Cannot read properties of undefined (reading 'timeout')"),
    ],
    ["the driver's very words", () => new Error('Connection terminated unexpectedly')],
  ])(
    'with %s stands alone in the end: 199 others succeed once, its lane waits, other lanes do not',
    async (_, fault) => {
      const all = grid(50, 4);
      const culprit = 'w7/e0';
      await enqueue(...all);
      const { calls } = await startWorker((writes) => {
        if (entities(writes).includes(culprit)) throw fault();
        return undefined;
      });
      const lane = all.filter((name) => name.startsWith('w7/'));
      await tickUntil('all other lanes to be done', async () => (await applied()).length === 196, { patient: true });
      const [first, ...behind] = await pending();
      expect([first, ...behind].map((row) => row?.entity)).toEqual(lane);
      expect(first!.failures).toBeGreaterThanOrEqual(1);
      expect(behind.map((row) => row.failures)).toEqual([0, 0, 0]);
      await enqueue('w8/later');
      await tickUntil('another lane to go on', async () => (await applied()).includes('w8/later'), { patient: true });
      expect(await pending()).toHaveLength(4);

      await tickUntil('the lane to be done', drained);
      const made = await results();
      expect(made.map((r) => r.entity).sort()).toEqual([...all, 'w8/later'].sort());
      expect(made.filter((r) => r.status === 'error')).toEqual([
        { entity: culprit, status: 'error', code: 'internal_error', data: { candidate_id: culprit } },
      ]);
      expect((await applied()).sort()).toEqual([...all, 'w8/later'].filter((name) => name !== culprit).sort());
      expect(made.filter((r) => r.entity.startsWith('w7/')).map((r) => r.entity)).toEqual(lane);
      expect(calls.filter((writes) => entities(writes).join() === culprit)).toHaveLength(4);
      expect(calls.flat().filter((m) => m.crashes > 0)).toEqual([]);
    },
  );

  test('waits longer before each try, as long as the lane can bear', async () => {
    await enqueue('w/e');
    for (const [failures, seconds] of [
      [1, 1],
      [2, 5],
      [3, 15],
    ]) {
      const [before] = await sql<{ at: Date }>('update inbox_message set available_at = now() returning now() as at');
      const { worker } = await startWorker(() => {
        throw new Error('broken');
      });
      worker.tick();
      // It ends the run under way and begins no other.
      await worker.beforeApplicationShutdown();
      const [row] = await sql<{ failures: number; since: number; until: number }>(
        `select failures, extract(epoch from available_at - $1)::float8 as since,
                extract(epoch from available_at - now())::float8 as until from inbox_message`,
        [before!.at],
      );
      expect(row!.failures).toBe(failures);
      expect(row!.since).toBeGreaterThanOrEqual(seconds!);
      expect(row!.until).toBeLessThanOrEqual(seconds!);
    }
  });

  test('makes nobody fail with it in its own lane: those before it are done, those behind it wait', async () => {
    await enqueue('w/e0', 'w/e1', 'w/e2', 'w/e3');
    await startWorker((writes) => {
      if (entities(writes).includes('w/e2')) throw new Error('broken');
      return undefined;
    });
    await tickUntil('the failure', async () => (await pending())[0]?.failures === 1, { patient: true });
    await tickUntil('what stands before it', async () => (await applied()).length === 2, { patient: true });
    expect((await pending()).map((row) => [row.entity, row.failures])).toEqual([
      ['w/e2', 1],
      ['w/e3', 0],
    ]);
    await tickUntil('all to be done', drained);
    expect((await results()).map((r) => [r.entity, r.status])).toEqual([
      ['w/e0', 'success'],
      ['w/e1', 'success'],
      ['w/e2', 'error'],
      ['w/e3', 'success'],
    ]);
  });

  test('or that makes too few results loses no flow', async () => {
    await enqueue('w/e0', 'x/e0');
    const { worker } = await startWorker();
    const real = (worker as unknown as { handlers: Handlers }).handlers.byEvent['candidate.created'];
    const short: Handler = async (tx, writes) => (await real(tx, writes)).slice(1);
    Object.assign(worker, { handlers: { byEvent: new Proxy({}, { get: () => short }) } });
    await tickUntil('all to be done', drained);
    expect((await results()).map((r) => [r.entity, r.code])).toEqual([
      ['w/e0', 'internal_error'],
      ['x/e0', 'internal_error'],
    ]);
    expect(await applied()).toEqual([]);
  });
});

describe('trouble of the database', () => {
  const FIRST_TIME = () => {
    let done = false;
    return () => !done && (done = true);
  };

  test('is nobody’s failure: the batch goes back as it was and is applied', async () => {
    const all = grid(5, 3);
    await enqueue(...all);
    const first = FIRST_TIME();
    const { calls } = await startWorker((_, tx) =>
      first() ? sql('select pg_terminate_backend(pg_backend_pid())', [], tx) : undefined,
    );
    await tickUntil('all to be done', drained, { patient: true });
    expect(calls).toHaveLength(2);
    expect(calls[1]!.map((m) => [m.failures, m.crashes])).toEqual(all.map(() => [0, 0]));
    expect((await applied()).sort()).toEqual([...all].sort());
  });

  test('strikes in the middle of a halving: what was still to come goes back as it was', async () => {
    await enqueue(...grid(8, 1));
    const first = FIRST_TIME();
    const { calls } = await startWorker((writes, tx) => {
      if (writes.length === 8) throw new Error('broken');
      return first() ? sql('select pg_terminate_backend(pg_backend_pid())', [], tx) : undefined;
    });
    await enqueue('late/e');
    await tickUntil('all to be done', drained, { patient: true });
    expect(calls.flat().filter((m) => m.crashes > 0 || m.failures > 0)).toEqual([]);
    expect(await applied()).toHaveLength(9);
  });

  test('as a deadlock makes the same batch be tried again, not halved', async () => {
    await enqueue(...grid(6, 1));
    const first = FIRST_TIME();
    const { calls } = await startWorker((_, tx) =>
      first() ? sql(`do $$ begin raise exception using errcode = '40P01'; end $$`, [], tx) : undefined,
    );
    await tickUntil('all to be done', drained, { patient: true });
    expect(calls.map((writes) => writes.length)).toEqual([6, 6]);
  });

  test('is told from a write that is too slow: that is halved and judged, its neighbours pay nothing', async () => {
    await enqueue('slow/e', ...grid(7, 1));
    const { calls } = await startWorker((writes, tx) => {
      return entities(writes).includes('slow/e') ? sql('select pg_sleep(20)', [], tx) : undefined;
    }, 400);
    await tickUntil('the neighbours to be done', async () => (await applied()).length === 7, { patient: true });
    await tickUntil('the slow one to be judged', async () => (await pending())[0]?.failures === 1, { patient: true });
    const neighbours = calls.flat().filter((m) => m.entityId !== 'slow/e');
    expect(neighbours.filter((m) => m.failures > 0 || m.crashes > 0)).toEqual([]);
    expect((await results()).filter((r) => r.status === 'error')).toEqual([]);
  });
});

describe('a suspect', () => {
  test('runs with nothing else claimed, by a worker that has others to do', async () => {
    await enqueue('s/e', ...grid(20, 3));
    await loseLeases('s/e');
    const beside: number[] = [];
    const { calls } = await startWorker(async (writes) => {
      if (!entities(writes).includes('s/e')) return;
      const [row] = await sql<{ count: number }>(
        'select count(*)::int from inbox_message where leased_until > clock_timestamp()',
      );
      beside.push(row!.count);
    });
    await tickUntil('all to be done', drained, { patient: true });
    expect(calls.filter((writes) => entities(writes).includes('s/e')).map((writes) => writes.length)).toEqual([1]);
    expect(beside).toEqual([1]);
    expect(await applied()).toHaveLength(61);
  });

  test('takes every second turn only: one crash does not hold up the other workspaces', async () => {
    const lost = grid(12, 1);
    await enqueue(...lost);
    await loseLeases(...lost);
    await enqueue('sound/e');
    const { calls } = await startWorker();
    await tickUntil('all to be done', drained, { patient: true });
    expect(calls.findIndex((writes) => entities(writes).includes('sound/e'))).toBeLessThanOrEqual(1);
    const suspects = calls.filter((writes) => !entities(writes).includes('sound/e'));
    expect(suspects.map((writes) => writes.length)).toEqual(lost.map(() => 1));
  });

  test('that is innocent pays nothing: every one of a crashed batch succeeds, unjudged', async () => {
    const lost = grid(6, 2);
    await enqueue(...lost);
    await loseLeases(...lost);
    const { calls } = await startWorker();
    await tickUntil('all to be done', drained, { patient: true });
    expect(calls.map((writes) => writes.map((m) => [m.failures, m.crashes]))).toEqual(lost.map(() => [[0, 1]]));
    expect((await results()).every((r) => r.status === 'success')).toBe(true);
  });

  test.each([0, 1, 2])('that crashed %i times before is still tried, alone', async (crashes) => {
    await enqueue('s/e');
    await sql('update inbox_message set crashes = $1', [crashes]);
    await loseLeases('s/e');
    const { calls } = await startWorker();
    await tickUntil('it to be done', drained, { patient: true });
    expect(calls.map((writes) => writes.map((m) => m.crashes))).toEqual([[crashes + 1]]);
    expect(await results()).toMatchObject([{ status: 'success' }]);
  });

  test('that crashed three times alone is poison: internal_error without another try, and its lane goes on', async () => {
    await enqueue('s/e0', 's/e1', 'x/e0');
    await sql(`update inbox_message set crashes = 3 where client_id = 's'`);
    await loseLeases('s/e0');
    await sql(`update inbox_message m set crashes = 0 from flow f
                where f.reference_id = m.reference_id and f.entity_id = 's/e1'`);
    const { calls } = await startWorker();
    await tickUntil('all to be done', drained, { patient: true });
    expect(calls.flatMap(entities).sort()).toEqual(['s/e1', 'x/e0']);
    const made = await results();
    expect(made.filter((r) => r.entity.startsWith('s/'))).toEqual([
      { entity: 's/e0', status: 'error', code: 'internal_error', data: { candidate_id: 's/e0' } },
      { entity: 's/e1', status: 'success', code: null, data: { candidate_id: 's/e1' } },
    ]);
  });
});

describe('the file that a write had reserved', () => {
  test.each<[string, () => Promise<unknown>]>([
    ['its handler failed for the fourth time', () => startWorker(() => Promise.reject(new Error('broken')))],
    [
      'it is poison',
      async () => {
        await sql('update inbox_message set crashes = 3');
        await loseLeases('f/e0');
        return startWorker();
      },
    ],
  ])('is free again when %s', async (_, begin) => {
    await enqueue('f/e0');
    await reserveFile('f/e0');
    await begin();
    await tickUntil('the write to be given up', drained);
    expect(await results()).toMatchObject([{ code: 'internal_error' }]);
    expect(await reservations()).toEqual([{ reserved_by: null, entity: null, entity_id: null, swept: true }]);
  });
});

describe('whatever happens', () => {
  const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000);

  test(`each flow has exactly one result, and each lane its order (SEED=${SEED})`, async () => {
    const random = seededRandom(SEED);
    const KINDS: readonly ((tx: Tx) => Promise<unknown>)[] = [
      () => Promise.reject(new Error('broken')),
      () => Promise.reject(new Error('broken')),
      (tx) => sql('select pg_terminate_backend(pg_backend_pid())', [], tx),
      (tx) => sql(`do $$ begin raise exception using errcode = '40P01'; end $$`, [], tx),
      // Not the leases of its own batch, nor of one that the other worker applies right now: those rows are locked.
      () =>
        sql(`update inbox_message m set leased_until = clock_timestamp()
               from (select id from inbox_message where leased_until > now() for no key update skip locked) lost
              where m.id = lost.id`),
    ];
    const troubles = Array.from({ length: 60 }, (_, i) => KINDS[i % KINDS.length]!);
    troubles.sort(() => random() - 0.5);
    const trouble = (_: unknown, tx: Tx) => (random() < 0.4 ? troubles.pop()?.(tx) : undefined);
    await startWorker(trouble);
    await startWorker(trouble);
    const all: string[] = [];
    await tickUntil('every trouble to have struck', async () => {
      const next = grid(9, 3).map((_, i) => `w${i % 9}/e${(all.length + i - (i % 9)) / 9}`);
      all.push(...next);
      await enqueue(...next);
      return troubles.length === 0;
    });
    await tickUntil('all to be done', drained);
    const made = await results();
    expect(made.map((r) => r.entity).sort()).toEqual([...all].sort());
    expect(await sql('select reference_id from result_event')).toHaveLength(all.length);
    const succeededOnly = made.filter((r) => r.status === 'success').map((r) => r.entity);
    expect((await applied()).sort()).toEqual(succeededOnly.sort());
    const outOfOrder = await sql(
      `with done as (
         select o.id, split_part(f.entity_id, '/', 1) as lane, substr(split_part(f.entity_id, '/', 2), 2)::int as place
           from outbox_message o join flow f using (reference_id))
       select * from (select *, lag(place) over (partition by lane order by id) as before from done) d
        where before > place`,
    );
    expect(outOfOrder).toEqual([]);
  });
});

describe('stages', () => {
  const HANDLERS: readonly Handler[] = [async () => [], async () => [], async () => []];
  const writes = fc
    .array(fc.record({ client: fc.nat(3), handler: fc.nat(HANDLERS.length - 1) }), { maxLength: 60 })
    .map((drafts) =>
      drafts.map(({ client, handler }, place) => ({
        ...({
          referenceId: '',
          atsId: 'a',
          userId: null,
          event: 'candidate.created',
          entityId: '',
          payload: null,
        } as const),
        clientId: `w${client}`,
        handler: HANDLERS[handler] as Handler,
        place,
      })),
    );

  test('lose nothing, give each write to its handler and keep the order of each lane', () => {
    fc.assert(
      fc.property(writes, (batch) => {
        const made = stages(batch, (write) => write.handler);
        for (const stage of made) for (const write of stage.writes) expect(write.handler).toBe(stage.handler);
        const inOrder = made.flatMap((stage) => stage.writes);
        expect(inOrder.map((w) => w.place).sort((a, b) => a - b)).toEqual(batch.map((w) => w.place));
        for (const lane of new Set(batch.map((w) => w.clientId))) {
          const of = (list: typeof batch) => list.filter((w) => w.clientId === lane).map((w) => w.place);
          expect(of(inOrder)).toEqual(of(batch));
        }
      }),
      { numRuns: 500 },
    );
  });

  test('let lanes not order each other: there are no more sets than the busiest lane alone would need of each handler', () => {
    fc.assert(
      fc.property(writes, (batch) => {
        const turns = [...new Set(batch.map((w) => w.clientId))].map((lane) => {
          const own = batch.filter((w) => w.clientId === lane);
          return own.filter((w, i) => w.handler !== own[i - 1]?.handler).length;
        });
        const made = stages(batch, (write) => write.handler);
        expect(made.length).toBeLessThanOrEqual(HANDLERS.length * Math.max(0, ...turns));
      }),
    );
  });

  test('put one event of many lanes into one set', () => {
    fc.assert(
      fc.property(writes, (batch) => {
        expect(stages(batch, () => HANDLERS[0]!)).toHaveLength(Math.min(batch.length, 1));
      }),
    );
  });
});
