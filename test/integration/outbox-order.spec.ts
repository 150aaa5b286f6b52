import { EndpointHealth } from '../../src/accounts/endpoint-health.service';
import { Clock } from '../../src/database/clock';
import { createDataSource } from '../../src/database/data-source';
import { Database, statement, type Tx } from '../../src/database/database';
import { Partitions } from '../../src/database/partitions';
import { DomainError } from '../../src/errors';
import { entityKey } from '../../src/events/results';
import { OutboxOperations } from '../../src/outbox/outbox-operations.service';
import { CLAIM, PARK, SETTLE, WAKE } from '../../src/outbox/outbox.sql';
import { Outbox, type Message, type Settlement } from '../../src/outbox/outbox.service';
import { WakeUp } from '../../src/queue/wake-up.service';
import { createDatabase, type TestDatabase } from '../support/postgres';
import { seededRandom } from '../support/random';
import { until } from '../support/until';

const LEASE_MS = 60_000;

/** What one worker process has of its own. */
interface Desk {
  readonly database: Database;
  readonly outbox: Outbox;
}

let store: TestDatabase;
let main: Desk;
let clock: Clock;
let operations: OutboxOperations;
const desks: Desk[] = [];

async function openDesk(connections: number): Promise<Desk> {
  const database = new Database(await createDataSource(store.url, connections).initialize());
  const own = new Clock(database);
  await own.synchronise();
  const desk = { database, outbox: new Outbox(database, own, new EndpointHealth(database)) };
  desks.push(desk);
  return desk;
}

beforeAll(async () => {
  store = await createDatabase();
  const { database } = await openDesk(12);
  desks.length = 0;
  clock = new Clock(database);
  await clock.synchronise();
  await new Partitions(database, clock).ensure();
  operations = new OutboxOperations(database, { hint: () => undefined } as unknown as WakeUp, clock);
  main = { database, outbox: new Outbox(database, clock, new EndpointHealth(database)) };
});

beforeEach(() => {
  main = { database: main.database, outbox: new Outbox(main.database, clock, new EndpointHealth(main.database)) };
});

afterEach(async () => {
  for (const { database } of desks.splice(0)) await database.source.destroy();
  await sql('truncate outbox_message, dead_message, delivery_attempt, flow, result_event, account cascade');
});

afterAll(async () => {
  await main.database.source.destroy();
  await store.drop();
});

function sql<T extends object>(text: string, values: unknown[] = [], tx: Tx = main.database): Promise<T[]> {
  return tx.query<T>(statement('', text), values);
}

async function makeAccounts(...atsIds: string[]): Promise<void> {
  await sql(
    `with a as (
       insert into account (ats_id, name, api_key_hash) select id, id, sha256(id::bytea) from unnest($1::text[]) id
       returning ats_id
     ), e as (insert into endpoint (ats_id, url) select ats_id, 'https://example.com/' || ats_id from a
     ), s as (insert into account_secret (ats_id, direction, sealed) select ats_id, 'outgoing', ats_id::bytea from a)
     insert into workspace (ats_id, client_id) select ats_id, 'client-' || n from a, generate_series(0, 2) n`,
    [atsIds],
  );
}

interface Draft {
  readonly atsId: string;
  readonly entity: string;
  readonly clientId?: string;
}

/** Appends as processing does: while holding the lanes, so that ids of one entity become visible in their order. */
async function appendIn(tx: Tx, outbox: Outbox, drafts: readonly Draft[]): Promise<string[]> {
  const results = drafts.map(({ atsId, entity, clientId = 'client-0' }) => ({
    referenceId: clock.uuidv7(),
    atsId,
    clientId,
    entityId: entity,
    event: 'candidate.created' as const,
    entityKey: entityKey({ clientId, event: 'candidate.created', entityId: entity }),
    error: null,
    data: { candidate_id: entity },
  }));
  const column = (key: 'referenceId' | 'atsId' | 'clientId' | 'entityId') => results.map((r) => r[key]);
  await sql(
    `select from workspace w join unnest($1::text[], $2::text[]) lane(ats_id, client_id) using (ats_id, client_id)
      order by w.ats_id, w.client_id for no key update of w`,
    [column('atsId'), column('clientId')],
    tx,
  );
  await sql(
    `insert into flow (reference_id, ats_id, client_id, source, event, entity_id, payload)
     select *, '{}' from (select r, a, c, 'rest', 'candidate.created', e
       from unnest($1::uuid[], $2::text[], $3::text[], $4::text[]) t(r, a, c, e)) t`,
    [column('referenceId'), column('atsId'), column('clientId'), column('entityId')],
    tx,
  );
  await outbox.append(tx, results);
  return column('referenceId');
}

function append(...drafts: Draft[]): Promise<string[]> {
  return main.database.transaction((tx) => appendIn(tx, main.outbox, drafts));
}

function drafts(atsId: string, ...entities: string[]): Draft[] {
  return entities.map((entity) => ({ atsId, entity }));
}

function settlement(message: Message, verdict: Settlement['verdict'], waitMs = 0): Settlement {
  return {
    message,
    verdict,
    waitMs,
    counted: true,
    effect: null,
    attempt: {
      id: clock.uuidv7(),
      outcome: verdict === 'delivered' ? 'success' : 'failure',
      statusCode: verdict === 'delivered' ? 200 : 500,
      error: null,
      durationMs: 1,
      signature: 't=1,v1=0',
      requestHeaders: {},
      responseHeaders: {},
      responseBody: '',
    },
  };
}

/** A message as its claimer would hold it, for a settling that needs a certain row. */
async function messageOf(referenceId: string): Promise<Message> {
  const [row] = await sql<{ id: string; attempt: number; failures: number; ats_id: string }>(
    'select id, attempt, failures, ats_id from outbox_message where reference_id = $1',
    [referenceId],
  );
  const { id, attempt, failures, ats_id: atsId } = row!;
  return { id, attempt, failures, atsId, referenceId, event: 'candidate.created', body: '' };
}

async function claim(desk: Desk = main, free = 64, limit = 512): Promise<Message[]> {
  const { accounts } = await desk.outbox.dueAccounts();
  const open = accounts.map(({ atsId }) => ({ atsId, free }));
  return (await desk.outbox.claim(open, limit, LEASE_MS)).messages;
}

async function claimed(desk: Desk = main): Promise<string[]> {
  return (await claim(desk)).map((m) => m.referenceId);
}

/** The whole of the settling of a row, its parts exposed: `Outbox.settle` runs them in one go. */
function removal(tx: Tx, message: Message) {
  const { attempt } = settlement(message, 'delivered');
  return {
    remove: () =>
      tx.query(SETTLE, [
        ...[[message.id], [message.attempt], ['delivered'], [0], [attempt.id], [1], ['success'], [200]],
        ...[[null], [1], [''], ['{}'], ['{}'], [''], [message.event], [true], [message.atsId]],
      ]),
    wake: (key: string) => tx.query(WAKE, [[message.atsId], [key]]),
  };
}

async function asleep(): Promise<string[]> {
  const rows = await sql<{ reference_id: string }>(
    `select reference_id from outbox_message where available_at = 'infinity' order by id`,
  );
  return rows.map((row) => row.reference_id);
}

/** Until each of these calls has ended or waits for a lock: whatever they race for, they are all at it. */
async function untilEndedOrBlocked(...calls: Promise<unknown>[]): Promise<void> {
  let ended = 0;
  for (const call of calls) {
    const end = () => {
      ended++;
    };
    call.then(end, end);
  }
  await until('each call to end or to be blocked', async () => {
    const [row] = await sql<{ blocked: number }>(
      `select count(*)::int as blocked from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'`,
    );
    return ended + row!.blocked >= calls.length;
  });
}

/** A transaction that stops where the test wants it to. */
function held<T>(work: (tx: Tx) => Promise<T>): { reached: Promise<T>; commit: () => Promise<void> } {
  let go!: () => void;
  let reach!: (value: T) => void;
  let fail!: (error: unknown) => void;
  const going = new Promise<void>((resolve) => (go = resolve));
  const reached = new Promise<T>((resolve, reject) => ([reach, fail] = [resolve, reject]));
  const done = main.database.transaction(async (tx) => {
    reach(await work(tx));
    await going;
  });
  done.catch(fail);
  return {
    reached,
    commit: () => {
      go();
      return done;
    },
  };
}

async function expectNoSleeperBehindNobody(): Promise<void> {
  expect(await main.outbox.sweep()).toEqual([]);
}

describe('parking and waking, race by race', () => {
  const KEY = JSON.stringify(['client-0', 'candidate', 'x']);

  beforeEach(() => makeAccounts('a'));

  test('a blocked message falls asleep, and the removal of the older one wakes it', async () => {
    const [first, second, third] = await append(...drafts('a', 'x', 'x', 'x'));
    const [head] = await claim();
    expect(head?.referenceId).toBe(first);
    expect(await asleep()).toEqual([second, third]);
    await main.outbox.settle([settlement(head!, 'delivered')]);
    expect(await asleep()).toEqual([third]);
    expect(await claimed()).toEqual([second]);
  });

  test.each(['delivered', 'dead', 'discarded'] as const)('a %s message wakes its successor', async (end) => {
    const [first, second] = await append(...drafts('a', 'x', 'x'));
    const [head] = await claim();
    if (end === 'discarded') await operations.discard(first!);
    else await main.outbox.settle([settlement(head!, end)]);
    expect(await asleep()).toEqual([]);
    expect(await claimed()).toEqual([second]);
  });

  test('nobody falls asleep behind a message whose removal has already looked for sleepers', async () => {
    const [first, second] = await append(...drafts('a', 'x', 'x'));
    const { id } = await messageOf(second!);
    const head = await messageOf(first!);
    const remover = held(async (tx) => {
      const { remove, wake } = removal(tx, head);
      await remove();
      await wake(KEY);
    });
    await remover.reached;
    await main.database.query(PARK, [['a'], [id]]);
    await remover.commit();
    await expectNoSleeperBehindNobody();
    expect(await claimed()).toEqual([second]);
  });

  test('a removal that meets a parking waits for it, then wakes whom it put to sleep', async () => {
    const [first, second] = await append(...drafts('a', 'x', 'x'));
    const { id } = await messageOf(second!);
    const head = await messageOf(first!);
    const parking = held((tx) => tx.query(PARK, [['a'], [id]]));
    await parking.reached;
    const settled = main.outbox.settle([settlement(head, 'delivered')]);
    await untilEndedOrBlocked(settled);
    await parking.commit();
    await settled;
    await expectNoSleeperBehindNobody();
    expect(await claimed()).toEqual([second]);
  });

  test('a message whose older one left between claim and parking stays awake', async () => {
    const [first, second] = await append(...drafts('a', 'x', 'x'));
    const { id } = await messageOf(second!);
    await main.outbox.settle([settlement(await messageOf(first!), 'delivered')]);
    await main.database.query(PARK, [['a'], [id]]);
    expect(await asleep()).toEqual([]);
  });

  test.each([2, 3, 7])('%i removals of one entity at once leave no sleeper behind nobody', async (count) => {
    const references = await append(...Array.from({ length: count + 2 }, () => ({ atsId: 'a', entity: 'x' })));
    const sleepers = await Promise.all(references.slice(count).map(messageOf));
    await main.database.query(PARK, [sleepers.map((m) => m.atsId), sleepers.map((m) => m.id)]);
    expect(await asleep()).toHaveLength(2);
    const leaving = await Promise.all(references.slice(0, count).map(messageOf));
    const removers = leaving.map((message) =>
      held(async (tx) => {
        const { remove, wake } = removal(tx, message);
        await remove();
        return () => wake(KEY);
      }),
    );
    const wakers = await Promise.all(removers.map((r) => r.reached));
    // Each looks for sleepers before any of the others has committed; all but one then wait for the sleeper's row.
    const wakes = wakers.map((wake) => wake());
    await untilEndedOrBlocked(...wakes);
    await Promise.all(removers.map((remover, i) => wakes[i]!.then(remover.commit)));
    await expectNoSleeperBehindNobody();
    expect(await claimed()).toEqual([references[count]]);
  });

  test('a removal rolled back after it woke somebody does no harm', async () => {
    const [first, second] = await append(...drafts('a', 'x', 'x'));
    const [head] = await claim();
    await expect(
      main.database.transaction(async (tx) => {
        const { remove, wake } = removal(tx, head!);
        await remove();
        await wake(KEY);
        throw new Error('rolled back');
      }),
    ).rejects.toThrow('rolled back');
    expect(await claimed()).toEqual([]);
    expect(await asleep()).toEqual([second]);
    await main.outbox.settle([settlement(head!, 'delivered')]);
    expect(first).toBeDefined();
    expect(await claimed()).toEqual([second]);
  });

  test('a sleeping message that is discarded leaves the ones behind it in order', async () => {
    const [first, second, third] = await append(...drafts('a', 'x', 'x', 'x'));
    const [head] = await claim();
    expect(await asleep()).toEqual([second, third]);
    await operations.discard(second!);
    expect(await claimed()).toEqual([]);
    await expectNoSleeperBehindNobody();
    await main.outbox.settle([settlement(head!, 'delivered')]);
    expect(first).toBe(head?.referenceId);
    expect(await claimed()).toEqual([third]);
  });

  test('the head discarded while its successor is discarded too wakes the third', async () => {
    const [first, second, third] = await append(...drafts('a', 'x', 'x', 'x'));
    await claim();
    await Promise.all([operations.discard(first!), operations.discard(second!)]);
    await expectNoSleeperBehindNobody();
    expect(await claimed()).toEqual([third]);
    await expect(operations.discard(first!)).rejects.toThrow(DomainError);
  });

  test('a retry keeps its place: its successors sleep on, other entities go ahead', async () => {
    const [first, second, other] = await append(...drafts('a', 'x', 'x', 'y'));
    const batch = await claim();
    expect(batch.map((m) => m.referenceId)).toEqual([first, other]);
    await main.outbox.settle([settlement(batch[0]!, 'retry', 3_600_000), settlement(batch[1]!, 'delivered')]);
    expect(await claimed()).toEqual([]);
    expect(await asleep()).toEqual([second]);
    const [later] = await append(...drafts('a', 'y'));
    expect(await claimed()).toEqual([later]);
  });

  test('a redelivery stands behind what is pending, also when both become visible out of order', async () => {
    const [old] = await append(...drafts('a', 'x'));
    await main.outbox.settle([settlement((await claim())[0]!, 'dead')]);
    const block = held((tx) => sql('select from dead_message where reference_id = $1 for update', [old], tx));
    await block.reached;
    const redelivery = operations.redeliver(old!);
    await untilEndedOrBlocked(redelivery);
    const appending = append(...drafts('a', 'x'));
    await untilEndedOrBlocked(redelivery, appending);
    const early = await claim();
    await block.commit();
    await Promise.all([redelivery, appending]);
    const inFlight = [...early, ...(await claim())];
    expect(inFlight).toHaveLength(1);
  });

  test('the sweeper wakes a sleeper behind nobody, and nobody else', async () => {
    const [lost, ...others] = await append(...drafts('a', 'x', 'y', 'y'));
    await claim();
    await sql(
      `update outbox_message set available_at = 'infinity', leased_until = '-infinity' where reference_id = $1`,
      [lost],
    );
    expect(await asleep()).toEqual([lost, others[1]]);
    expect(await main.outbox.sweep()).toEqual([lost]);
    expect(await claimed()).toEqual([lost]);
  });
});

describe('the fence', () => {
  beforeEach(() => makeAccounts('a'));

  test.each(['delivered', 'retry', 'dead'] as const)('a %s of a lost lease writes nothing', async (verdict) => {
    await append(...drafts('a', 'x'));
    const [before] = await claim();
    await sql(`update outbox_message set leased_until = now() - interval '1 s'`);
    const [after] = await claim();
    expect(after).toMatchObject({ id: before?.id, attempt: 2, failures: 0 });
    await main.outbox.settle([settlement(before!, verdict)]);
    expect(await messageOf(after!.referenceId)).toMatchObject({ attempt: 2, failures: 0 });
    expect(await sql('select from delivery_attempt')).toEqual([]);
    expect(await sql('select from dead_message')).toEqual([]);
    await main.outbox.release([before!]);
    expect(await claim()).toEqual([]);
  });

  test('of two settlings of one attempt, one counts', async () => {
    await append(...drafts('a', 'x'));
    const [message] = await claim();
    const twice = [settlement(message!, 'delivered'), settlement(message!, 'dead')];
    await Promise.all(twice.map((s) => main.outbox.settle([s])));
    expect(await sql('select from delivery_attempt')).toHaveLength(1);
  });

  test.each(['delivered', 'retry', 'dead'] as const)(
    'a %s whose commit went unheard may be repeated',
    async (verdict) => {
      await append(...drafts('a', 'x'));
      const once = settlement((await claim())[0]!, verdict, 3_600_000);
      await main.outbox.settle([once]);
      const state = async () => [
        await sql('select failures, available_at from outbox_message'),
        await sql('select failures, state, at from dead_message'),
        await sql('select id, number from delivery_attempt'),
      ];
      const before = await state();
      await main.outbox.settle([once]);
      expect(await state()).toEqual(before);
      expect(before[2]).toEqual([{ id: once.attempt.id, number: 1 }]);
    },
  );

  test('a released message is claimed again, nothing judged', async () => {
    await append(...drafts('a', 'x'));
    await main.outbox.release(await claim());
    expect(await claim()).toMatchObject([{ attempt: 2, failures: 0 }]);
  });
});

describe('fairness', () => {
  test('a claim takes the first of each account before the second of any', async () => {
    await makeAccounts('a', 'b', 'c');
    await append(...Array.from({ length: 200 }, (_, i) => ({ atsId: 'a', entity: `e${i}` })));
    await append(...drafts('b', 'x', 'y'), ...drafts('c', 'x'));
    const byAccount = async (limit: number) => (await claim(main, 10, limit)).map((m) => m.atsId).sort();
    expect(await byAccount(3)).toEqual(['a', 'b', 'c']);
    expect(await byAccount(2)).toEqual(['a', 'b']);
  });

  test('no account gets more than its free slots, no claim more than its limit', async () => {
    await makeAccounts('a', 'b');
    for (const atsId of ['a', 'b']) await append(...Array.from({ length: 50 }, (_, i) => ({ atsId, entity: `e${i}` })));
    const { messages } = await main.outbox.claim(
      [
        { atsId: 'a', free: 3 },
        { atsId: 'b', free: 20 },
      ],
      512,
      LEASE_MS,
    );
    expect(messages.filter((m) => m.atsId === 'a')).toHaveLength(3);
    expect(messages.filter((m) => m.atsId === 'b')).toHaveLength(20);
    const limited = await main.outbox.claim(
      [
        { atsId: 'a', free: 40 },
        { atsId: 'b', free: 40 },
      ],
      7,
      LEASE_MS,
    );
    expect(limited.messages).toHaveLength(7);
  });

  test('racing claims never hand out one message twice', async () => {
    await makeAccounts('a');
    const all = await append(...Array.from({ length: 300 }, (_, i) => ({ atsId: 'a', entity: `e${i}` })));
    const others = await Promise.all([openDesk(2), openDesk(2), openDesk(2)]);
    const taken: string[] = [];
    for (let round = 0; taken.length < all.length && round < 100; round++) {
      const batches = await Promise.all([main, ...others].map((desk) => claim(desk, 7)));
      taken.push(...batches.flat().map((m) => m.referenceId));
    }
    expect(taken.sort()).toEqual(all.sort());
  });

  test.each([
    ['a disabled endpoint', `update endpoint set disabled_at = now()`, `update endpoint set disabled_at = null`],
    ['a missing URL', `update endpoint set url = null`, `update endpoint set url = 'https://example.com/'`],
    ['a disabled account', `update account set enabled = false`, `update account set enabled = true`],
  ])('%s makes messages wait, and none is lost', async (_, stop, resume) => {
    await makeAccounts('a', 'b');
    const [kept] = await append(...drafts('a', 'x'));
    await sql(`${stop} where ats_id = 'a'`);
    await append(...drafts('b', 'x'));
    expect((await claim()).map((m) => m.atsId)).toEqual(['b']);
    expect((await main.outbox.dueAccounts()).accounts.map((a) => a.atsId)).not.toContain('a');
    await sql(`${resume} where ats_id = 'a'`);
    expect(await claimed()).toEqual([kept]);
  });

  test('the rounds reach every account, however many have something due', async () => {
    const names = Array.from({ length: 600 }, (_, i) => `a${String(i).padStart(3, '0')}`);
    await makeAccounts(...names);
    await append(...names.flatMap((atsId) => drafts(atsId, 'x')));
    const seen: string[] = [];
    for (let last = false; !last;) {
      const round = await main.outbox.dueAccounts();
      seen.push(...round.accounts.map((a) => a.atsId));
      last = round.last;
    }
    expect(seen).toEqual(names);
  });

  test('a hot entity with 20,000 messages neither starves nor slows the claim of others', async () => {
    await makeAccounts('a', 'b', 'plain');
    for (let i = 0; i < 4; i++) await append(...Array.from({ length: 5000 }, () => ({ atsId: 'a', entity: 'hot' })));
    const [own] = await append(...drafts('a', 'cool'), ...drafts('b', 'x'));
    await append(...Array.from({ length: 200 }, (_, i) => ({ atsId: 'plain', entity: `e${i}` })));
    await sql('analyze outbox_message');
    const plain = await pagesOfClaim('plain');
    expect(await pagesOfClaim('b')).toBeLessThanOrEqual(plain);
    expect((await claim(main, 192)).map((m) => m.atsId)).toContain('b');
    // Each claim puts 192 + 4 messages of the hot entity to sleep and so gets on.
    let claims = 1;
    for (const taken = new Set<string>(); !taken.has(own!); claims++) {
      expect(claims).toBeLessThan(20_000 / (192 + 4) + 4);
      for (const m of await claim(main, 192)) taken.add(m.referenceId);
    }
    await append(...Array.from({ length: 200 }, (_, i) => ({ atsId: 'a', entity: `e${i}` })));
    expect(await pagesOfClaim('a')).toBeLessThanOrEqual(5 * plain);
  });
});

/** Pages touched by a claim of 100 that is rolled back: unlike time, the same on a busy machine. */
async function pagesOfClaim(atsId: string): Promise<number> {
  let pages = 0;
  const explain = statement('', `explain (analyze, buffers, format json) ${CLAIM.text}`);
  const rolledBack = new Error('rolled back');
  await main.database
    .transaction(async (tx) => {
      const [row] = await tx.query<{ 'QUERY PLAN': [{ Plan: Record<string, number> }] }>(explain, [
        [atsId],
        [100],
        ['-infinity'],
        100,
        LEASE_MS,
      ]);
      const plan = row!['QUERY PLAN'][0].Plan;
      pages = plan['Shared Hit Blocks']! + plan['Shared Read Blocks']!;
      throw rolledBack;
    })
    .catch((error: unknown) => {
      if (error !== rolledBack) throw error;
    });
  return pages;
}

describe('the hint where a scan may begin', () => {
  beforeEach(() => makeAccounts('a'));

  /** Lets the hints grow: the newest message claimed is an hour younger than the ones to come. */
  async function hintOfNow(): Promise<void> {
    await append(...drafts('a', 'x'));
    expect(await claim()).toHaveLength(1);
  }

  test('never loses a message that was committed late', async () => {
    await hintOfNow();
    const [late] = await append(...drafts('a', 'y'));
    await sql(`update outbox_message set available_at = now() - interval '1 hour' where reference_id = $1`, [late]);
    const got = await until('the scan that sees everything', async () => {
      const batch = await claim();
      return batch.length > 0 && batch;
    });
    expect(got.map((m) => m.referenceId)).toEqual([late]);
  });

  test('never loses a message whose lease was lost', async () => {
    const [lost] = await append(...drafts('a', 'y'));
    await sql(`update outbox_message set available_at = now() - interval '1 hour'`);
    expect(await claim()).toHaveLength(1);
    await hintOfNow();
    await sql(`update outbox_message set leased_until = now() - interval '1 s' where reference_id = $1`, [lost]);
    const got = await until('the scan that sees everything', async () => {
      const batch = await claim();
      return batch.length > 0 && batch;
    });
    expect(got.map((m) => m.referenceId)).toEqual([lost]);
  });
});

/** Judged by the database itself, at the very moment of each claim and each removal. */
const WITNESS = `
create function refuse_overtaking() returns trigger language plpgsql as $$
begin
  if new.attempt > old.attempt and exists (
    select from outbox_message e
     where e.ats_id = new.ats_id and e.entity_key = new.entity_key and e.id < new.id) then
    raise exception 'message % of % was claimed while an older one is pending', new.id, new.entity_key;
  end if;
  return null;
end $$;
create trigger refuse_overtaking after update of attempt on outbox_message
  for each row execute function refuse_overtaking();
create table removal (seq bigint generated always as identity, id bigint, entity text, reference_id uuid);
create function note_removal() returns trigger language plpgsql as $$
begin
  insert into removal (id, entity, reference_id) values (old.id, old.ats_id || old.entity_key, old.reference_id);
  return null;
end $$;
create trigger note_removal after delete on outbox_message for each row execute function note_removal();
`;

describe('racing appends, claims, parks, settles, releases, discards and lost leases', () => {
  const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000);
  const ACCOUNTS = ['a', 'b', 'c'];

  test(`keep every promise at once (SEED=${SEED})`, async () => {
    await makeAccounts(...ACCOUNTS);
    await sql(WITNESS);
    const workers = await Promise.all(Array.from({ length: 4 }, () => openDesk(3)));
    const appended = new Set<string>();
    const seen = new Set<string>();
    const swept: string[] = [];
    let appending = 2;
    let drained = false;

    const appender = async (desk: Desk, random: () => number) => {
      const pick = (n: number) => Math.floor(random() * n);
      for (let round = 0; round < 70; round++) {
        const clientId = `client-${pick(3)}`;
        const atsId = ACCOUNTS[pick(3)]!;
        const batch = Array.from({ length: 1 + pick(12) }, () => ({
          atsId,
          clientId,
          entity: random() < 0.6 ? 'hot' : `e${pick(12)}`,
        }));
        const aborted = random() < 0.1;
        const made = await desk.database
          .transaction(async (tx) => {
            const references = await appendIn(tx, desk.outbox, batch);
            if (aborted) throw new Error('rolled back on purpose');
            return references;
          })
          .catch((error: unknown) => {
            if (!aborted) throw error;
            return [];
          });
        for (const reference of made) appended.add(reference);
      }
      appending--;
    };

    const worker = async (desk: Desk, random: () => number) => {
      const pick = (n: number) => Math.floor(random() * n);
      const ghosts: Message[] = [];
      while (!drained) {
        const { accounts } = await desk.outbox.dueAccounts();
        const open = accounts.map(({ atsId }) => ({ atsId, free: 1 + pick(8) }));
        const { messages } = await desk.outbox.claim(open, 1 + pick(20), LEASE_MS);
        for (const m of messages) seen.add(m.referenceId);
        const settlements: Settlement[] = [];
        const released: Message[] = [];
        for (const message of messages) {
          const lot = random();
          if (lot < 0.6) settlements.push(settlement(message, 'delivered'));
          else if (lot < 0.75) settlements.push(settlement(message, 'retry', pick(30)));
          else if (lot < 0.8) settlements.push(settlement(message, 'dead'));
          else if (lot < 0.9) released.push(message);
          else {
            await sql(
              `update outbox_message set leased_until = now() - interval '1 ms' where id = $1 and attempt = $2`,
              [message.id, message.attempt],
              desk.database,
            );
            ghosts.push(message);
          }
        }
        if (ghosts.length > 3)
          settlements.push(settlement(ghosts.shift()!, (['delivered', 'retry', 'dead'] as const)[pick(3)]!));
        const half = pick(settlements.length + 1);
        await Promise.all([
          settlements.length > half && desk.outbox.settle(settlements.slice(half)),
          half > 0 && desk.outbox.settle(settlements.slice(0, half)),
          released.length > 0 && desk.outbox.release(released),
        ]);
      }
    };

    const discarder = async (random: () => number) => {
      while (!drained) {
        const [row] = await sql<{ reference_id: string }>(
          `select reference_id from outbox_message where entity_key like '%hot' or $1
            order by id limit 1 offset $2`,
          [random() < 0.3, Math.floor(random() * 4)],
        );
        if (row === undefined) continue;
        await operations.discard(row.reference_id).catch((error: unknown) => {
          if (!(error instanceof DomainError)) throw error;
        });
        seen.add(row.reference_id);
        await until('some work to be done', () => random() < 0.3);
      }
    };

    const sweeper = async () => {
      while (!drained) swept.push(...(await main.outbox.sweep()));
    };

    const watcher = async () => {
      await until('the queue to be drained', async () => {
        if (appending > 0) return false;
        const [row] = await sql<{ count: number }>('select count(*)::int from outbox_message');
        return row?.count === 0;
      });
    };

    const actors = [
      appender(main, seededRandom(SEED)),
      appender(main, seededRandom(SEED + 1)),
      ...workers.map((desk, i) => worker(desk, seededRandom(SEED + 2 + i))),
      discarder(seededRandom(SEED + 9)),
      sweeper(),
    ];
    await Promise.race([watcher(), Promise.all(actors)]).finally(() => (drained = true));
    await Promise.all(actors);

    expect(appended.size).toBeGreaterThan(400);
    expect([...appended].filter((reference) => !seen.has(reference))).toEqual([]);
    expect(swept).toEqual([]);
    const removals = await sql<{ reference_id: string }>('select reference_id from removal');
    expect(removals.map((row) => row.reference_id).sort()).toEqual([...appended].sort());
    const outOfOrder = await sql(
      `select * from (
         select entity, id, lag(id) over (partition by entity order by seq) as before
           from removal r
          where not exists (select from dead_message d where d.reference_id = r.reference_id and state = 'discarded')) r
        where before > id`,
    );
    expect(outOfOrder).toEqual([]);
    const countedTwice = await sql(
      `select reference_id, number from delivery_attempt group by reference_id, number having count(*) > 1`,
    );
    expect(countedTwice).toEqual([]);
    const ends = await sql<{ count: number }>(
      `select count(*)::int as count from removal r
        left join lateral (select count(*) as n from delivery_attempt d
                            where d.reference_id = r.reference_id and d.outcome = 'success') s on true
        left join dead_message d using (reference_id)
       where (s.n = 1) <> (d.reference_id is null)`,
    );
    expect(ends).toEqual([{ count: 0 }]);
  });
});
