import { EndpointHealth } from '../../src/accounts/endpoint-health.service';
import { ApplicationHandlers } from '../../src/applications/applications.handlers';
import { Clock } from '../../src/database/clock';
import { createDataSource } from '../../src/database/data-source';
import { Database, statement } from '../../src/database/database';
import { Partitions } from '../../src/database/partitions';
import { Entities } from '../../src/entities/entities.repository';
import { EntityWrites } from '../../src/entities/entity-writes.service';
import { FlowTraces } from '../../src/delivery-log/flow-trace.service';
import type { Write } from '../../src/events/inbound';
import { LOCK_LANES } from '../../src/inbox/claim.sql';
import { logger } from '../../src/observability/logger';
import { OutboxOperations } from '../../src/outbox/outbox-operations.service';
import { Outbox, type Message, type Settlement } from '../../src/outbox/outbox.service';
import type { WakeUp } from '../../src/queue/wake-up.service';
import { Materials } from '../../src/scoring/materials.service';
import type { ScoringOutcome, ScoringRequest, ScoringService } from '../../src/scoring/scoring.service';
import { ScoringTasks, type ScoringTask } from '../../src/scoring/scoring-tasks.service';
import { ScoringWorker } from '../../src/scoring/scoring.worker';
import { CvReader } from '../../src/scoring/cv-reader.service';
import { LocalStorage } from '../../src/uploads/local-storage';
import { NamedFiles } from '../../src/uploads/named-files.service';
import { createDatabase, type TestDatabase } from '../support/postgres';
import { until } from '../support/until';

const NO_HINTS = { hint: () => undefined, on: () => undefined } as unknown as WakeUp;
const GOOD = { score: 80, reasons: ['it fits'] };

let store: TestDatabase;
let database: Database;
let clock: Clock;
let entities: Entities;
let outbox: Outbox;
let operations: OutboxOperations;
let tasks: ScoringTasks;
let handlers: ApplicationHandlers;
const workers: ScoringWorker[] = [];

beforeAll(async () => {
  logger.level = 'silent';
  store = await createDatabase();
  database = new Database(await createDataSource(store.url, 12).initialize());
  clock = new Clock(database);
  await clock.synchronise();
  await new Partitions(database, clock).ensure();
  entities = new Entities(database);
  operations = new OutboxOperations(database, NO_HINTS, clock);
});

beforeEach(async () => {
  outbox = new Outbox(database, clock, new EndpointHealth(database));
  tasks = new ScoringTasks(database, outbox);
  handlers = new ApplicationHandlers(new EntityWrites(entities, new NamedFiles()), entities, tasks);
  await makeAccounts('a', 'b');
});

afterEach(async () => {
  for (const worker of workers.splice(0)) await worker.beforeApplicationShutdown();
  await sql(
    'truncate scoring_task, outbox_message, dead_message, result_event, flow, application, candidate, vacancy, account cascade',
  );
});

afterAll(async () => {
  await database.source.destroy();
  await store.drop();
});

function sql<T extends object>(text: string, values: unknown[] = []): Promise<T[]> {
  return database.query<T>(statement('', text), values);
}

async function makeAccounts(...atsIds: string[]): Promise<void> {
  await sql(
    `with a as (insert into account (ats_id, name, api_key_hash) select id, id, sha256(id::bytea) from unnest($1::text[]) id
                returning ats_id),
          e as (insert into endpoint (ats_id, url) select ats_id, 'https://example.com/' from a),
          w as (insert into workspace (ats_id, client_id) select ats_id, 'w' from a),
          c as (insert into candidate select ats_id, 'w', 'c', '{"candidate_id":"c","skills":["Go"]}', now(), now() from a)
     insert into vacancy select ats_id, 'w', 'v', '{"vacancy_id":"v","title":"Coder","skills":["Go"]}', now(), now() from a`,
    [atsIds],
  );
}

type Step = readonly [verb: 'created' | 'updated' | 'deleted', application: string, payload?: object];

/** Applies writes as processing does, in one transaction within the lane; returns their flows. */
async function apply(steps: readonly Step[], atsId = 'a'): Promise<string[]> {
  const writes = steps.map(([verb, id, payload = {}]): Write => {
    const whole = { application_id: id, candidate_id: 'c', vacancy_id: 'v', ...payload };
    return {
      ...{ referenceId: clock.uuidv7(), atsId, clientId: 'w', userId: null, entityId: id },
      event: `application.${verb}`,
      payload: verb === 'created' ? whole : payload,
    };
  });
  await sql(
    `insert into flow (reference_id, ats_id, client_id, source, event, entity_id, payload)
     select r, $4, 'w', 'rest', v, e, '{}' from unnest($1::uuid[], $2::text[], $3::text[]) t(r, v, e)`,
    [writes.map((w) => w.referenceId), writes.map((w) => w.event), writes.map((w) => w.entityId), atsId],
  );
  await database.transaction(async (tx) => {
    await tx.query(LOCK_LANES, [[atsId], ['w']]);
    await outbox.append(tx, await handlers.apply(tx, writes));
  });
  return writes.map((w) => w.referenceId);
}

function create(...applications: string[]): Promise<string[]> {
  return apply(applications.map((id) => ['created', id] as const));
}

function claim(limit = 16, busy = new Map<string, number>(), perAccount = 8): Promise<ScoringTask[]> {
  return tasks.claim(limit, busy, perAccount, 10_000);
}

async function claimOne(): Promise<ScoringTask> {
  const [task, ...others] = await claim();
  expect(others).toEqual([]);
  return task!;
}

type Script = (request: ScoringRequest, signal: AbortSignal) => ScoringOutcome | Promise<ScoringOutcome>;

function startWorker(script: Script): ScoringWorker {
  const scorer: ScoringService = { name: 'scripted', score: async (request, signal) => script(request, signal) };
  const worker = new ScoringWorker(
    tasks,
    new Materials(database, entities, new CvReader(), new LocalStorage('/nowhere')),
    scorer,
    NO_HINTS,
  );
  workers.push(worker);
  worker.tick();
  return worker;
}

function tickUntil(what: string, condition: () => Promise<boolean>): Promise<boolean> {
  return until(what, async () => {
    for (const worker of workers) worker.tick();
    return condition();
  });
}

/** Every message that may be sent now; blocked ones are parked on the way, as in earnest. */
async function sendable(): Promise<Message[]> {
  const offers = ['a', 'b'].map((atsId) => ({ atsId, free: 32 }));
  const all: Message[] = [];
  for (let parked = true; parked;) {
    const claimed = await outbox.claim(offers, 64, 60_000);
    all.push(...claimed.messages);
    parked = claimed.parked;
  }
  return all;
}

function settle(messages: readonly Message[]): Promise<void> {
  const attempt = { outcome: 'success', statusCode: 200, error: null, durationMs: 1, signature: '' } as const;
  return outbox.settle(
    messages.map((message): Settlement => ({
      ...{ message, verdict: 'delivered', waitMs: 0, counted: true, effect: null },
      attempt: { ...attempt, id: clock.uuidv7(), requestHeaders: {}, responseHeaders: {}, responseBody: null },
    })),
  );
}

/** Delivers whatever can be, in rounds; the flows in the order of their delivery. */
async function deliver(): Promise<string[]> {
  const delivered: string[] = [];
  for (;;) {
    const messages = await sendable();
    if (messages.length === 0) return delivered;
    delivered.push(...messages.map((m) => m.referenceId));
    await settle(messages);
  }
}

async function results(): Promise<Record<string, { event: string; data: Record<string, unknown> }>> {
  const rows = await sql<{ reference_id: string; body: string }>('select reference_id, body from result_event');
  return Object.fromEntries(rows.map((r) => [r.reference_id, JSON.parse(r.body)]));
}

async function application(id: string): Promise<Record<string, unknown> | undefined> {
  const [row] = await sql<{ data: Record<string, unknown> }>('select data from application where application_id = $1', [
    id,
  ]);
  return row?.data;
}

async function pendingTasks(): Promise<string[]> {
  return (await sql<{ reference_id: string }>('select reference_id from scoring_task order by 1')).map(
    (r) => r.reference_id,
  );
}

const SCORED = { score: 80, score_reasons: ['it fits'], scored_by: 'someone' };

describe('a result that awaits its score', () => {
  test('is neither stored nor sent, whatever looks at the queue', async () => {
    const [flow] = await create('x');
    expect(await sendable()).toEqual([]);
    expect(await results()).toEqual({});
    expect(await outbox.sweep()).toEqual([]);
    expect(await outbox.expire(new Date(Date.now() + 60_000))).toBe(0);
    expect(await operations.redeliverDead('a', new Date(0), () => undefined)).toBe(0);
    await expect(operations.redeliver(flow!)).rejects.toThrow('The flow has no result yet');
    await expect(operations.discard(flow!)).rejects.toThrow('The flow has no result yet');
    expect(await operations.stats()).toMatchObject([{ ats_id: 'a', pending: 1, due: 0, parked: 0 }]);
    expect(await sendable()).toEqual([]);
    expect(await new FlowTraces(database).find(flow!, null)).toMatchObject({ status: 'accepted', result: null });

    expect(await tasks.finish(await claimOne(), GOOD, 'someone')).toBe(true);
    expect(await deliver()).toEqual([flow]);
    expect((await results())[flow!]).toMatchObject({
      event: 'application.created',
      data: { application_id: 'x', ...SCORED },
    });
    expect(await new FlowTraces(database).find(flow!, null)).toMatchObject({ status: 'delivered', result: 'success' });
  });

  test('keeps its place: what follows of its application waits behind it, everything else overtakes', async () => {
    const [created, updated, deleted, other] = await apply([
      ['created', 'x'],
      ['updated', 'x', { stage: 'hired' }],
      ['deleted', 'x'],
      ['updated', 'unknown', {}],
    ]);
    expect(await deliver()).toEqual([other]);
    expect(await outbox.sweep()).toEqual([]);
    await tasks.finish(await claimOne(), GOOD, 'someone');
    expect(await deliver()).toEqual([created, updated, deleted]);
  });

  test('waits in its turn behind what its application still has to send', async () => {
    const [first] = await apply([['updated', 'x']]);
    const [created, updated] = await apply([
      ['created', 'x'],
      ['updated', 'x', { stage: 'new' }],
    ]);
    const [sending] = await sendable();
    expect(sending?.referenceId).toBe(first);
    await tasks.finish(await claimOne(), GOOD, 'someone');
    expect(await sendable()).toEqual([]);
    await settle([sending!]);
    expect(await deliver()).toEqual([created, updated]);
  });

  test('is not woken by what leaves before it, and wakes what is parked behind it', async () => {
    const [first] = await apply([['updated', 'x']]);
    const [created, updated] = await apply([
      ['created', 'x'],
      ['updated', 'x', { stage: 'new' }],
    ]);
    const sending = await sendable();
    expect(sending.map((m) => m.referenceId)).toEqual([first]);
    await settle(sending);
    expect(await sendable()).toEqual([]);
    expect(
      await sql(`select from outbox_message where leased_until = 'infinity' and available_at = 'infinity'`),
    ).toHaveLength(1);
    await tasks.finish(await claimOne(), GOOD, 'someone');
    expect(await deliver()).toEqual([created, updated]);
  });

  test.each([
    [
      'an update of what exists',
      [
        ['created', 'x'],
        ['created', 'x', { stage: 'again' }],
      ],
      1,
    ],
    ['a failure', [['created', 'x', { candidate_id: 'nobody' }]], 0],
    ['an update', [['updated', 'x']], 0],
  ] as const)('is a new application only, not %s', async (_, steps, awaiting) => {
    await apply(steps);
    expect(await pendingTasks()).toHaveLength(awaiting);
  });
});

describe('the score', () => {
  test('stands in the application from then on, and whoever pages by its last change sees it come', async () => {
    await create('x');
    // As if the database's clock had stepped back by an hour since.
    await sql(`update application set updated_at = updated_at + interval '1 h'`);
    const [before] = await sql<{ updated_at: string }>('select updated_at::text from application');
    await apply([['updated', 'x', { stage: 'interview' }]]);
    const [updatedFirst] = (await sql<{ reference_id: string }>(
      'select reference_id from flow order by 1 desc limit 1',
    )) as [{ reference_id: string }];
    await tasks.finish(await claimOne(), GOOD, 'someone');
    expect(await application('x')).toMatchObject({ stage: 'interview', ...SCORED });
    const [after] = await sql<{ updated_at: string }>('select updated_at::text from application');
    expect(after!.updated_at > before!.updated_at).toBe(true);
    expect((await results())[updatedFirst.reference_id]!.data).not.toHaveProperty('score');

    const [patched, replaced] = await apply([
      ['updated', 'x', { stage: 'hired' }],
      ['created', 'x', { source: 'fair' }],
    ]);
    expect((await results())[patched!]).toMatchObject({
      event: 'application.updated',
      data: { stage: 'hired', ...SCORED },
    });
    expect((await results())[replaced!]).toMatchObject({
      event: 'application.updated',
      data: { source: 'fair', ...SCORED },
    });
    expect((await results())[replaced!]!.data).not.toHaveProperty('stage');
  });

  test('is of the application as it was created, and not of a later one of the same id', async () => {
    const [first] = await apply([['created', 'x', { stage: 'first' }]]);
    const task = await claimOne();
    await apply([['deleted', 'x']]);
    await apply([['created', 'x', { stage: 'second' }]]);
    await tasks.finish(task, GOOD, 'someone');
    expect((await results())[first!]!.data).toMatchObject({ stage: 'first', ...SCORED });
    expect(await application('x')).toEqual({
      application_id: 'x',
      candidate_id: 'c',
      vacancy_id: 'v',
      stage: 'second',
    });
  });

  test('of two creations in one batch belongs to the second', async () => {
    const [first, , second] = await apply([
      ['created', 'x'],
      ['deleted', 'x'],
      ['created', 'x'],
    ]);
    const claimed = new Map((await claim()).map((task) => [task.referenceId, task]));
    await tasks.finish(claimed.get(second!)!, { score: 2, reasons: [] }, 'someone');
    await tasks.finish(claimed.get(first!)!, { score: 1, reasons: [] }, 'someone');
    expect(await application('x')).toMatchObject({ score: 2 });
    expect((await results())[first!]!.data).toMatchObject({ score: 1 });
  });

  test('of a deleted application is in its result, and nothing comes back to life', async () => {
    const [created, deleted] = await apply([
      ['created', 'x'],
      ['deleted', 'x'],
    ]);
    await tasks.finish(await claimOne(), GOOD, 'someone');
    expect(await application('x')).toBeUndefined();
    expect(await deliver()).toEqual([created, deleted]);
  });

  test.each(['candidate', 'vacancy'])('is null with the reason when the %s was deleted meanwhile', async (name) => {
    const [flow] = await create('x');
    await sql(`delete from ${name}`);
    startWorker(() => ({ kind: 'scored', ...GOOD }));
    await tickUntil('a result', async () => flow! in (await results()));
    const reason = `The ${name} was deleted before the application was scored`;
    expect((await results())[flow!]!.data).toMatchObject({
      score: null,
      score_reasons: [reason],
      scored_by: 'scripted',
    });
  });
});

describe('the fence', () => {
  test('who lost its lease changes nothing, and there is one result', async () => {
    const [flow] = await create('x');
    const lost = await claimOne();
    expect(await claim()).toEqual([]);
    await sql(`update scoring_task set leased_until = now()`);
    const successor = await claimOne();
    expect(successor.attempt).toBe(lost.attempt + 1);
    expect(await tasks.finish(lost, { score: 1, reasons: [] }, 'lost')).toBe(false);
    await tasks.retry(lost, 0, 'lost');
    await tasks.await(lost);
    await tasks.release(lost);
    expect(await application('x')).not.toHaveProperty('score');
    expect(await claim()).toEqual([]);
    expect(await tasks.finish(successor, GOOD, 'someone')).toBe(true);
    expect(await tasks.finish(successor, GOOD, 'someone')).toBe(false);
    expect((await results())[flow!]!.data).toMatchObject(SCORED);
    expect(await sql('select from outbox_message')).toHaveLength(1);
  });

  test('a score that is lost half-way is as if it had never been', async () => {
    await create('x');
    const task = await claimOne();
    jest.spyOn(outbox, 'complete').mockRejectedValueOnce(new Error('lost'));
    await expect(tasks.finish(task, GOOD, 'someone')).rejects.toThrow('lost');
    expect(await application('x')).not.toHaveProperty('score');
    expect(await pendingTasks()).toHaveLength(1);
    expect(await tasks.finish(task, GOOD, 'someone')).toBe(true);
  });

  test('many workers make one result of each of many applications', async () => {
    const flows = [
      ...(await create(...names(60))),
      ...(await apply(
        names(60).map((id) => ['created', id] as const),
        'b',
      )),
    ];
    let running = 0;
    let most = 0;
    const script: Script = async () => {
      most = Math.max(most, ++running);
      await new Promise((resume) => setImmediate(resume));
      running--;
      return { kind: 'scored', ...GOOD };
    };
    for (let i = 0; i < 3; i++) startWorker(script);
    await tickUntil('all to be scored', async () => (await pendingTasks()).length === 0);
    expect(Object.keys(await results()).sort()).toEqual([...flows].sort());
    expect((await deliver()).sort()).toEqual([...flows].sort());
    expect(most).toBeGreaterThan(1);
  });
});

function names(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `x${i}`);
}

describe('the deadline', () => {
  test('is 60 s after the creation; then the score is null and says why, whatever failed', async () => {
    const [flow] = await create('x');
    const [{ seconds }] = (await sql<{ seconds: number }>(
      'select extract(epoch from deadline_at - now())::float as seconds from scoring_task',
    )) as [{ seconds: number }];
    expect(seconds).toBeGreaterThan(30);
    expect(seconds).toBeLessThanOrEqual(60);
    const asked: number[] = [];
    const retry = jest.spyOn(tasks, 'retry');
    startWorker(({ remainingMs }) => {
      asked.push(remainingMs);
      return { kind: 'failed', fault: `the scorer answered ${500 + asked.length}` };
    });
    await tickUntil('three tries', async () => {
      await sql(`update scoring_task set available_at = now() where failures < 3 and available_at > now()`);
      return (await sql('select from scoring_task where failures = 3')).length > 0;
    });
    expect(retry.mock.calls.map(([, waitMs]) => waitMs)).toEqual([1000, 2000, 4000]);
    const [{ wait }] = (await sql<{ wait: number }>(
      'select extract(epoch from available_at - now())::float as wait from scoring_task',
    )) as [{ wait: number }];
    expect(wait).toBeGreaterThan(0);
    await passDeadline();
    await tickUntil('the result', async () => flow! in (await results()));
    expect((await results())[flow!]!.data).toMatchObject({
      score: null,
      score_reasons: ['There was no score within 60 s: the scorer answered 503'],
      scored_by: 'scripted',
    });
    expect(await application('x')).toMatchObject({ score: null });
    expect(asked).toHaveLength(3);
  });

  test('finishes what a dead worker held, a few seconds later at most', async () => {
    const [flow] = await create('x');
    await sql(`update scoring_task set deadline_at = now() + interval '100 ms'`);
    await tasks.claim(1, new Map(), 8, 25_000);
    const [{ lease }] = (await sql<{ lease: number }>(
      'select extract(epoch from leased_until - deadline_at)::float as lease from scoring_task',
    )) as [{ lease: number }];
    expect(lease).toBeGreaterThan(4);
    expect(lease).toBeLessThanOrEqual(5.001);
    await passDeadline();
    await sql(`update scoring_task set leased_until = now()`);
    startWorker(() => ({ kind: 'scored', ...GOOD }));
    await tickUntil('the result', async () => flow! in (await results()));
    expect((await results())[flow!]!.data).toMatchObject({
      score: null,
      score_reasons: ['There was no score within 60 s'],
    });
  });

  test('ends a try that takes too long, and a try that throws is tried again', async () => {
    const [flow] = await create('x');
    const claim = tasks.claim.bind(tasks);
    const shortened = async (...given: Parameters<typeof claim>) =>
      (await claim(...given)).map((task) => ({ ...task, remainingMs: Math.min(100, task.remainingMs) }));
    jest.spyOn(tasks, 'claim').mockImplementation(shortened);
    let [tries, ended] = [0, false];
    startWorker((_, signal) => {
      if (++tries === 1) throw new Error('a bug');
      return new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          ended = true;
          reject(signal.reason as Error);
        });
      });
    });
    await tickUntil('a try to be ended', async () => {
      await sql(`update scoring_task set available_at = now() where available_at > now()`);
      return ended && (await sql(`select from scoring_task where last_fault = 'it took too long'`)).length > 0;
    });
    await passDeadline();
    await tickUntil('the result', async () => flow! in (await results()));
    expect((await results())[flow!]!.data).toMatchObject({
      score: null,
      score_reasons: ['There was no score within 60 s: it took too long'],
    });
  });

  function passDeadline(): Promise<object[]> {
    return sql(`update scoring_task set deadline_at = now(), available_at = least(available_at, now())`);
  }
});

describe('an answer that comes later', () => {
  test('is taken once, by its own token, and finishes the task', async () => {
    const [flow, otherFlow] = await create('x', 'y');
    const asked = new Map<string, string>();
    startWorker(({ referenceId, callbackToken }) => {
      asked.set(referenceId, callbackToken);
      return { kind: 'later' };
    });
    await tickUntil('both to be asked', async () => {
      const waiting = await sql(
        `select from scoring_task where available_at = deadline_at and leased_until = '-infinity'`,
      );
      return waiting.length === 2;
    });
    for (const worker of workers.splice(0)) await worker.beforeApplicationShutdown();
    const token = asked.get(flow!)!;
    await expect(tasks.answer(flow!, asked.get(otherFlow!)!, GOOD)).rejects.toMatchObject({ kind: 'not_found' });
    await expect(tasks.answer(otherFlow!, token, GOOD)).rejects.toMatchObject({ kind: 'not_found' });
    await expect(tasks.answer(clock.uuidv7(), token, GOOD)).rejects.toMatchObject({ kind: 'not_found' });
    const answers = await Promise.allSettled(
      [1, 2, 3].map((score) => tasks.answer(flow!, token, { score, reasons: [] })),
    );
    expect(answers.filter((a) => a.status === 'fulfilled')).toHaveLength(1);
    await expect(tasks.answer(flow!, token, GOOD)).rejects.toMatchObject({ kind: 'conflict' });

    startWorker(() => ({ kind: 'later' }));
    await tickUntil('the result', async () => flow! in (await results()));
    const kept = answers.findIndex((a) => a.status === 'fulfilled') + 1;
    expect((await results())[flow!]!.data).toMatchObject({ score: kept });
    await expect(tasks.answer(flow!, token, GOOD)).rejects.toMatchObject({ kind: 'not_found' });
    expect(await pendingTasks()).toEqual([otherFlow]);
  });

  test('may overtake the 202 that announces it', async () => {
    const [flow] = await create('x');
    const task = await claimOne();
    await tasks.answer(flow!, task.callbackToken, GOOD);
    expect(await claim()).toEqual([]);
    await tasks.await(task);
    expect((await claimOne()).answer).toEqual(GOOD);
  });

  test('counts though the request for it failed', async () => {
    const [flow] = await create('x');
    const task = await claimOne();
    await tasks.answer(flow!, task.callbackToken, GOOD);
    await tasks.retry(task, 8000, 'the scorer did not answer in time');
    expect((await claimOne()).answer).toEqual(GOOD);
  });

  test('is not taken after the deadline', async () => {
    const [flow] = await create('x');
    const task = await claimOne();
    await sql(`update scoring_task set deadline_at = now()`);
    await expect(tasks.answer(flow!, task.callbackToken, GOOD)).rejects.toMatchObject({ kind: 'not_found' });
  });
});

describe('fairness', () => {
  test('an account with many tasks gets no more than its share, and the others are not kept waiting', async () => {
    await create(...names(30));
    await apply([['created', 'x']], 'b');
    const first = await claim(4);
    expect(first.map((t) => t.atsId).sort()).toEqual(['a', 'a', 'a', 'b']);
    expect(await claim(16, new Map([['a', 3]]), 8)).toHaveLength(5);
    expect(await claim(16, new Map([['a', 8]]), 8)).toEqual([]);
  });

  test('with one slot at a time every account has its turn', async () => {
    await create(...names(3));
    await apply(
      names(3).map((id) => ['created', id] as const),
      'b',
    );
    const turns: string[] = [];
    for (let i = 0; i < 6; i++) turns.push(...(await claim(1)).map((t) => t.atsId));
    expect(turns).toEqual(['a', 'b', 'a', 'b', 'a', 'b']);
  });
});

test('a worker that is stopped gives its tasks back at once, unjudged', async () => {
  await create('x');
  const worker = startWorker(
    (_, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error));
      }),
  );
  await until(
    'the task to be claimed',
    async () => (await sql(`select from scoring_task where leased_until > now()`)).length > 0,
  );
  await worker.beforeApplicationShutdown();
  // Had it been waited for, it would be judged to have taken too long.
  expect(await claimOne()).toMatchObject({ failures: 0, attempt: 2 });
});
