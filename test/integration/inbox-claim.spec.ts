import { createHash } from 'node:crypto';
import { Clock } from '../../src/database/clock';
import { createDataSource } from '../../src/database/data-source';
import { Database, statement, type Tx } from '../../src/database/database';
import { Partitions } from '../../src/database/partitions';
import { InboxQueue, type Claimed } from '../../src/inbox/inbox-queue.service';
import { Inbox, type AcceptRequest } from '../../src/inbox/inbox.service';
import type { WakeUp } from '../../src/queue/wake-up.service';
import { createDatabase, type TestDatabase } from '../support/postgres';
import { seededRandom } from '../support/random';
import { until } from '../support/until';

const NO_HINTS = { hint: () => undefined, on: () => undefined } as unknown as WakeUp;

let store: TestDatabase;
let database: Database;
let clock: Clock;
let queue: InboxQueue;
const opened: Database[] = [];

async function openDatabase(connections: number): Promise<Database> {
  const made = new Database(await createDataSource(store.url, connections).initialize());
  opened.push(made);
  return made;
}

beforeAll(async () => {
  store = await createDatabase();
  database = await openDatabase(6);
  clock = new Clock(database);
  await clock.synchronise();
  await new Partitions(database, clock).ensure();
});

beforeEach(() => {
  queue = new InboxQueue(database);
});

afterEach(async () => {
  jest.restoreAllMocks();
  for (const other of opened.splice(1)) await other.source.destroy();
  await sql('truncate inbox_message, flow, account cascade');
});

afterAll(async () => {
  await database.source.destroy();
  await store.drop();
});

function sql<T extends object>(text: string, values: unknown[] = [], tx: Tx = database): Promise<T[]> {
  return tx.query<T>(statement('', text), values);
}

/** Accounts and workspaces named by `account/client`; each gets as many messages as it is named, in that order. */
async function enqueue(...lanes: string[]): Promise<string[]> {
  const [atsIds, clientIds] = [lanes.map((lane) => lane.split('/')[0]), lanes.map((lane) => lane.split('/')[1])];
  const references = lanes.map(() => clock.uuidv7());
  await sql(
    `insert into account (ats_id, name, api_key_hash)
     select distinct a, a, sha256(a::bytea) from unnest($1::text[]) a on conflict do nothing`,
    [atsIds],
  );
  await sql(
    `insert into workspace (ats_id, client_id)
     select distinct a, c from unnest($1::text[], $2::text[]) t(a, c) on conflict do nothing`,
    [atsIds, clientIds],
  );
  await sql(
    `with t as (select * from unnest($1::text[], $2::text[], $3::uuid[]) with ordinality t(a, c, r, n)
     ), f as (insert into flow (reference_id, ats_id, client_id, source, event, entity_id, payload)
              select r, a, c, 'rest', 'candidate.created', 'e', '{}' from t)
     insert into inbox_message (ats_id, client_id, reference_id) select a, c, r from t order by n`,
    [atsIds, clientIds, references],
  );
  return references;
}

function times(count: number, lane: (i: number) => string): string[] {
  return Array.from({ length: count }, (_, i) => lane(i));
}

function references(batch: readonly Claimed[]): string[] {
  return batch.map((m) => m.referenceId);
}

function settle(batch: readonly Claimed[], by = database): Promise<Claimed[]> {
  return by.transaction((tx) => queue.settle(tx, batch));
}

async function loseLeases(...messages: string[]): Promise<void> {
  await sql(`update inbox_message set leased_until = now() - interval '1 ms' where reference_id = any($1::uuid[])`, [
    messages,
  ]);
}

function pending(): Promise<{ reference_id: string; attempt: number; failures: number; crashes: number }[]> {
  return sql('select reference_id, attempt, failures, crashes from inbox_message order by id');
}

describe('where a claim may begin to look', () => {
  let ahead: number;

  /** Takes and settles all there is, as a worker does that has claimed for long. */
  async function work(): Promise<string[]> {
    ahead += 1000;
    const batch = await queue.claim();
    await settle(batch);
    return references(batch);
  }

  beforeEach(() => {
    ahead = 0;
    const real = performance.now.bind(performance);
    jest.spyOn(performance, 'now').mockImplementation(() => real() + ahead);
  });

  test('never overtakes a message whose transaction ends after its successors came and went', async () => {
    const [first] = await enqueue('a/1');
    expect(await work()).toEqual([first]);
    const late = clock.uuidv7();
    const insert = `with f as (insert into flow (reference_id, ats_id, client_id, source, event, entity_id, payload)
                               values ($1, 'a', '1', 'rest', 'candidate.created', 'e', '{}'))
                    insert into inbox_message (ats_id, client_id, reference_id) values ('a', '1', $1)`;
    const writer = database.source.createQueryRunner();
    await writer.startTransaction();
    await writer.query(insert, [late]);
    for (let round = 0; round < 5; round++) {
      const [next] = await enqueue('a/1');
      expect(await work()).toEqual([next]);
    }
    await writer.commitTransaction();
    await writer.release();
    const [last] = await enqueue('a/1');
    expect(await work()).toEqual([late, last]);
  });

  test('goes back where a server that took over gives ids again', async () => {
    for (let round = 0; round < 5; round++) {
      const [next] = await enqueue('a/1');
      expect(await work()).toEqual([next]);
    }
    await sql('truncate inbox_message restart identity');
    const [again] = await enqueue('a/1');
    expect(await work()).toEqual([again]);
  });
});

describe('order within a workspace', () => {
  /** What the request of one client to write to a lane looks like when it has passed the front door's checks. */
  function requestFor(lane: string): AcceptRequest {
    const [atsId, clientId] = lane.split('/') as [string, string];
    return {
      caller: { atsId, credential: { kind: 'api-key', hash: createHash('sha256').update(atsId).digest() } },
      clientId,
      userId: null,
      source: 'rest',
      event: 'candidate.created',
      entityId: 'e',
      payload: {},
      idempotency: null,
      incoming: null,
    };
  }

  async function drain(): Promise<string[]> {
    const order: string[] = [];
    for (let batch = await queue.claim(); batch.length > 0; batch = await queue.claim()) {
      order.push(...references(batch));
      await settle(batch);
    }
    return order;
  }

  test('is the order of the acknowledgements, whichever process gave them', async () => {
    await enqueue('a/x', 'a/y', 'b/x');
    await sql('truncate inbox_message');
    const fronts = await Promise.all([1, 2].map(async () => new Inbox(await openDatabase(4), clock, NO_HINTS)));
    let tick = 0;
    const sent: { lane: string; reference: string; askedAt: number; answeredAt: number }[] = [];
    const client = async (front: Inbox, lane: string) => {
      for (let i = 0; i < 30; i++) {
        const askedAt = tick++;
        const { referenceId: reference } = await front.accept(requestFor(lane));
        sent.push({ lane, reference, askedAt, answeredAt: tick++ });
      }
    };
    await Promise.all(fronts.flatMap((front) => ['a/x', 'a/y', 'b/x', 'a/x'].map((lane) => client(front, lane))));
    const place = new Map((await drain()).map((reference, i) => [reference, i]));
    const overtaken = sent.flatMap((later) =>
      sent.filter(
        (earlier) =>
          earlier.lane === later.lane &&
          earlier.answeredAt < later.askedAt &&
          place.get(earlier.reference)! > place.get(later.reference)!,
      ),
    );
    expect(place.size).toBe(240);
    expect(overtaken).toEqual([]);
  });

  test('is the order of arrival for those that are made durable together', async () => {
    await enqueue('a/x');
    await sql('truncate inbox_message');
    const front = new Inbox(database, clock, NO_HINTS);
    const accepted = await Promise.all(times(40, () => 'a/x').map((lane) => front.accept(requestFor(lane))));
    expect(await drain()).toEqual(accepted.map((a) => a.referenceId));
  });

  test('is kept by one lane at a time: a lane with a leased message is busy', async () => {
    const [first, second] = await enqueue('a/x', 'a/x');
    const batch = await queue.claim();
    expect(references(batch)).toEqual([first, second]);
    const [third, other] = await enqueue('a/x', 'a/y');
    const another = new InboxQueue(await openDatabase(2));
    expect(references(await another.claim())).toEqual([other]);
    await settle(batch.slice(0, 1));
    expect(await another.claim()).toEqual([]);
    await settle(batch.slice(1));
    expect(references(await another.claim())).toEqual([third]);
  });

  test('is kept while a batch is being applied: its lane is passed over until the commit', async () => {
    const [, , other] = await enqueue('a/x', 'a/x', 'a/y');
    const batch = await queue.claim();
    const [own, rest] = [batch.filter((m) => m.clientId === 'x'), batch.filter((m) => m.clientId === 'y')];
    await queue.release(rest);
    const [later] = await enqueue('a/x');
    const another = new InboxQueue(await openDatabase(2));
    await database.transaction(async (tx) => {
      expect(await queue.settle(tx, own)).toEqual(own);
      expect(references(await another.claim())).toEqual([other]);
      expect(await another.claim()).toEqual([]);
    });
    expect(references(await another.claim())).toEqual([later]);
  });

  test('costs no other claimer a wait, also when a lease ends while its batch is being applied', async () => {
    await enqueue('a/x', 'a/x');
    const batch = await queue.claim();
    await sql(`update inbox_message set leased_until = clock_timestamp() + interval '1500 ms'`);
    const another = new InboxQueue(await openDatabase(2));
    await database.transaction(async (tx) => {
      expect(await queue.settle(tx, batch)).toEqual(batch);
      await until('the lease to end', async () => {
        const rows = await sql('select from inbox_message where leased_until > clock_timestamp()');
        return rows.length === 0;
      });
      let waiting = true;
      const claimed = another.claim().finally(() => (waiting = false));
      await until('the claim to end or to be blocked', async () => {
        const blocked = await sql(
          `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
        );
        return !waiting || blocked.length > 0;
      });
      expect(waiting).toBe(false);
      expect(await claimed).toEqual([]);
    });
    expect(await pending()).toEqual([]);
  });

  test('is kept for a message that waits for its retry: nothing overtakes it, other lanes do', async () => {
    const [first, second, third] = await enqueue('a/x', 'a/x', 'a/x');
    const batch = await queue.claim();
    await queue.retry(batch[0]!, 3_600_000);
    await queue.release(batch.slice(1));
    const [other] = await enqueue('a/y');
    expect(references(await queue.claim())).toEqual([other]);
    expect(await queue.claim()).toEqual([]);
    await sql('update inbox_message set available_at = now() where reference_id = $1', [first]);
    expect(references(await queue.claim())).toEqual([first, second, third]);
  });

  test('lets go ahead what stands before a message that waits', async () => {
    const [first, second, third] = await enqueue('a/x', 'a/x', 'a/x');
    await sql(`update inbox_message set available_at = now() + interval '1 hour' where reference_id = $1`, [second]);
    expect(references(await queue.claim())).toEqual([first]);
    expect((await pending()).map((row) => row.reference_id)).toEqual([first, second, third]);
  });
});

describe('a lost lease', () => {
  test('makes its messages be claimed one by one, each alone in its lane', async () => {
    const all = await enqueue('a/x', 'a/x', 'a/x');
    await queue.claim();
    await loseLeases(...all);
    for (const reference of all) {
      const batch = await queue.claim();
      expect(batch).toMatchObject([{ referenceId: reference, attempt: 2, crashes: 1 }]);
      expect(await queue.claim()).toEqual([]);
      await settle(batch);
    }
    expect(await pending()).toEqual([]);
  });

  test('is the only thing that counts as a crash', async () => {
    const [first, second] = await enqueue('a/x', 'a/x');
    const batch = await queue.claim();
    expect(batch.map((m) => m.crashes)).toEqual([0, 0]);
    await queue.release(batch);
    const again = await queue.claim();
    expect(again.map((m) => m.crashes)).toEqual([0, 0]);
    await queue.retry(again[0]!, 0);
    await queue.release(again.slice(1));
    expect((await queue.claim()).map((m) => [m.referenceId, m.failures, m.crashes])).toEqual([
      [first, 1, 0],
      [second, 0, 0],
    ]);
    for (let crashes = 1; crashes <= 3; crashes++) {
      await loseLeases(first!);
      expect(await queue.claim()).toMatchObject(crashes === 1 ? [] : [{ crashes }]);
      if (crashes === 1) {
        await loseLeases(second!);
        expect(await queue.claim()).toMatchObject([{ referenceId: first, crashes }]);
      }
    }
  });

  test('settles nothing, also not those that nobody has claimed since: they would overtake the one claimed', async () => {
    const [first, second] = await enqueue('a/x', 'a/x');
    const lost = await queue.claim();
    await loseLeases(first!, second!);
    expect(references(await queue.claim())).toEqual([first]);
    expect(await settle(lost)).toEqual([]);
    expect(await pending()).toHaveLength(2);
  });

  test('settles nothing, also when the lease ended after the transaction began', async () => {
    await enqueue('a/x', 'a/x');
    const lost = await queue.claim();
    const another = new InboxQueue(await openDatabase(2));
    await database.transaction(async (tx) => {
      await sql('select 1', [], tx);
      await sql('update inbox_message set leased_until = clock_timestamp()');
      expect(await another.claim()).toHaveLength(1);
      expect(await queue.settle(tx, lost)).toEqual([]);
    });
  });

  test('does not hold up what stands before its message', async () => {
    const [first, second, third] = await enqueue('a/x', 'a/x', 'a/x');
    await loseLeases(second!);
    for (const [reference, crashes] of [
      [first, 0],
      [second, 1],
      [third, 0],
    ]) {
      const batch = await queue.claim();
      expect(batch).toMatchObject([{ referenceId: reference, crashes }]);
      await settle(batch);
    }
  });
});

describe('giving back', () => {
  test('release makes a message as if it had never been claimed, suspicion and all', async () => {
    const [first, second] = await enqueue('a/x', 'a/x');
    await loseLeases(first!);
    const batch = await queue.claim();
    expect(batch).toMatchObject([{ referenceId: first, crashes: 1, failures: 0 }]);
    await queue.release(batch);
    expect((await queue.claim()).map((m) => [m.referenceId, m.crashes, m.failures])).toEqual([
      [first, 0, 0],
      [second, 0, 0],
    ]);
  });

  test('putBack keeps the suspicion as it was, and the message is due at once', async () => {
    const [first] = await enqueue('a/x', 'a/x');
    await loseLeases(first!);
    for (let round = 0; round < 5; round++) {
      const batch = await queue.claim();
      expect(batch).toMatchObject([{ referenceId: first, crashes: 1, failures: 0 }]);
      await queue.putBack(batch);
    }
  });

  test('retry counts a failure, clears the suspicion and waits as long as it was told', async () => {
    const [first] = await enqueue('a/x', 'a/x');
    await loseLeases(first!);
    const [message] = await queue.claim();
    await queue.retry(message!, 5000);
    const [row] = await sql<{ wait: number; failures: number; crashes: number; leased: boolean }>(
      `select extract(epoch from available_at - now())::float8 as wait, failures, crashes,
              leased_until > '-infinity' as leased
         from inbox_message where reference_id = $1`,
      [first],
    );
    expect(row).toMatchObject({ failures: 1, crashes: 0, leased: false });
    expect(row!.wait).toBeGreaterThan(0);
    expect(row!.wait).toBeLessThanOrEqual(5);
    expect(await queue.claim()).toEqual([]);
  });

  test('is fenced, as settling is: whoever lost the lease changes nothing', async () => {
    const [first, second] = await enqueue('a/x', 'a/y');
    const before = await queue.claim();
    await loseLeases(first!, second!);
    const after = await queue.claim();
    const rows = await pending();
    expect(await settle(before)).toEqual([]);
    await queue.release(before);
    await queue.putBack(before);
    await queue.retry(before[0]!, 60_000);
    expect(await pending()).toEqual(rows);
    expect(await queue.claim()).toEqual([]);
    expect(await settle([before[0]!, after[1]!])).toEqual([after[1]]);
    expect(references(await settle(after))).toEqual([after[0]!.referenceId]);
    expect(await settle(after)).toEqual([]);
  });
});

describe('fairness', () => {
  test('neither 10,000 messages of one lane nor 1,000 lanes keep a third account waiting', async () => {
    await enqueue(...times(10_000, () => 'a/x'));
    await enqueue(...times(1000, (i) => `b/c${i}`));
    for (let round = 0; round < 4; round++) {
      const [single] = await enqueue('c/x');
      const batch = await queue.claim();
      expect(references(batch)).toContain(single);
      await settle(batch);
    }
  });

  test('every one of 300 accounts is served before any is served twice', async () => {
    await enqueue(...times(900, (i) => `a${i % 300}/x`));
    const served: string[] = [];
    while (served.length < 300) {
      const batch = await queue.claim();
      served.push(...new Set(batch.map((m) => m.atsId)));
      await settle(batch);
    }
    expect(new Set(served).size).toBe(served.length);
  });

  test.each([1, 2])('every one of 300 workspaces is served before any starves, by %i workers', async (workers) => {
    const lanes = times(300, (i) => `a/c${i}`);
    for (let depth = 0; depth < 24; depth++) await enqueue(...lanes);
    const queues = Array.from({ length: workers }, () => new InboxQueue(database));
    const served = new Map<string, number>();
    const inWork: Claimed[][] = [];
    // 64 lanes a claim; twice as many claims as it takes to go round once.
    for (let claims = 0; claims < 2 * Math.ceil(300 / 64); claims++) {
      const batch = await queues[claims % workers]!.claim();
      for (const client of new Set(batch.map((m) => m.clientId))) served.set(client, (served.get(client) ?? 0) + 1);
      inWork.push(batch);
      if (inWork.length === workers) await settle(inWork.shift()!);
    }
    expect(served.size).toBe(300);
  });

  test('a claim is bounded, however many accounts and lanes there are', async () => {
    await enqueue(...times(1000, (i) => `a${i % 100}/c${Math.floor(i / 100)}`), ...times(1000, () => 'a0/c0'));
    const batch = await queue.claim();
    expect(new Set(batch.map((m) => m.atsId)).size).toBe(100);
    expect(batch.length).toBeLessThanOrEqual(256 + 128);
  });

  test('a lane gives no more than its share while others wait', async () => {
    await enqueue(...times(1000, () => 'a/x'), ...times(60, (i) => `a/y${i}`));
    const batch = await queue.claim();
    expect(batch.filter((m) => m.clientId === 'x').length).toBeLessThanOrEqual(Math.ceil(256 / 61));
    expect(new Set(batch.map((m) => m.clientId)).size).toBe(61);
  });
});

describe('an empty claim', () => {
  /** Ends with an error when a claim asks more than `limit` times, rather than for ever. */
  function countStatements(limit: number): () => number {
    let count = 0;
    const asked = () => {
      if (++count > limit) throw new Error(`a claim that never ends: ${count} statements`);
    };
    const { query, transaction } = Database.prototype;
    jest.spyOn(database, 'query').mockImplementation((...args) => {
      asked();
      return query.apply(database, args);
    });
    jest.spyOn(database, 'transaction').mockImplementation((...args) => {
      asked();
      return transaction.apply(database, args);
    });
    return () => count;
  }

  test('means that nothing is due, wherever the rounds stopped', async () => {
    await enqueue(...times(200, (i) => `a/c${String(i).padStart(3, '0')}`), ...times(300, (i) => `b${i}/x`));
    await sql(`insert into workspace (ats_id, client_id) values ('a', 'late')`);
    for (const target of ['a/c000', 'a/c100', 'a/c199', 'b0/x', 'b299/x']) {
      await queue.claim();
      await sql(`update inbox_message set leased_until = now() + interval '1 hour'`);
      const [atsId, clientId] = target.split('/');
      const [row] = await sql<{ reference_id: string }>(
        `update inbox_message set leased_until = '-infinity' where ats_id = $1 and client_id = $2 returning reference_id`,
        [atsId, clientId],
      );
      expect(references(await queue.claim())).toEqual([row!.reference_id]);
      expect(await queue.claim()).toEqual([]);
      await sql(`update inbox_message set leased_until = '-infinity'`);
    }
  });

  test('comes when the accounts at which the rounds stopped have left the queue', async () => {
    await enqueue(...times(64, (i) => `a/c${i}`));
    const batch = await queue.claim();
    expect(batch).toHaveLength(64);
    await settle(batch);
    countStatements(10);
    expect(await queue.claim()).toEqual([]);
  });

  test('comes after one look at each lane, however unequal the accounts are', async () => {
    for (let i = 1; i <= 8; i++) await enqueue(...times(8 * i + 3, (n) => `a${i}/c${n}`));
    await sql(`update inbox_message set leased_until = now() + interval '1 hour'`);
    const statements = countStatements(60);
    expect(await queue.claim()).toEqual([]);
    expect(await queue.claim()).toEqual([]);
    expect(statements()).toBeLessThan(40);
  });

  test('comes from an empty queue', async () => {
    countStatements(10);
    expect(await queue.claim()).toEqual([]);
  });
});

/** Judged by the database itself: what one claim takes has its transaction's number, everything else has another. */
const WITNESS = `
create function witness_claim() returns trigger language plpgsql as $$
begin
  if new.attempt > old.attempt and exists (
    select from inbox_message e
     where e.ats_id = new.ats_id and e.client_id = new.client_id and e.xmin <> pg_current_xact_id()::xid
       and (e.id < new.id or e.leased_until > clock_timestamp())) then
    raise exception 'message % of lane %/% skipped ahead or was claimed beside another', new.id, new.ats_id, new.client_id;
  end if;
  return null;
end $$;
create trigger witness_claim after update of attempt on inbox_message for each row execute function witness_claim();
create table removal (
  seq bigint generated always as identity, id bigint, lane text, by xid8 default pg_current_xact_id());
create function note_removal() returns trigger language plpgsql as $$
begin
  insert into removal (id, lane) values (old.id, old.ats_id || '/' || old.client_id);
  return null;
end $$;
create trigger note_removal after delete on inbox_message for each row execute function note_removal();
`;

describe('claimers racing, with retries, releases, suspects and lost leases', () => {
  const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000);

  test(`never hold one lane together nor skip ahead, and take everything once (SEED=${SEED})`, async () => {
    await sql(WITNESS);
    const all: string[] = [];
    const taken: string[] = [];
    let drained = false;

    const writer = async (random: () => number) => {
      for (let round = 0; round < 60; round++) {
        all.push(...(await enqueue(...times(10, () => `a${Math.floor(random() * 3)}/c${Math.floor(random() * 4)}`))));
      }
      await until('the queue to be drained', async () => (await pending()).length === 0);
      drained = true;
    };

    const worker = async (own: Database, random: () => number) => {
      const desk = new InboxQueue(own);
      const apply = async (batch: readonly Claimed[]) => {
        const settled = await own.transaction((tx) => desk.settle(tx, batch));
        taken.push(...references(settled));
      };
      while (!drained) {
        const batch = await desk.claim();
        if (batch.length === 0) continue;
        const lot = random();
        const suspects = batch.filter((m) => m.crashes > 0);
        if (lot < 0.15) {
          await sql(
            `update inbox_message m set leased_until = clock_timestamp()
               from unnest($1::bigint[], $2::int[]) s(id, attempt) where m.id = s.id and m.attempt = s.attempt`,
            [batch.map((m) => m.id), batch.map((m) => m.attempt)],
            own,
          );
          if (random() < 0.5) await apply(batch);
        } else if (lot < 0.3) {
          await desk.putBack(suspects);
          await desk.release(batch.filter((m) => m.crashes === 0));
        } else if (lot < 0.5) {
          const lanes = new Map(batch.toReversed().map((m) => [`${m.atsId}/${m.clientId}`, m]));
          const firsts = new Set(lanes.values());
          for (const first of firsts) await desk.retry(first, Math.floor(random() * 20));
          await desk.release(batch.filter((m) => !firsts.has(m)));
        } else {
          // As a halved batch is: what stands behind in a lane is settled in a later transaction.
          const half = Math.ceil(batch.length * random());
          if (half > 0) await apply(batch.slice(0, half));
          if (half < batch.length) await apply(batch.slice(half));
        }
      }
    };

    const workers = await Promise.all(Array.from({ length: 4 }, () => openDatabase(2)));
    await Promise.all([
      writer(seededRandom(SEED)).finally(() => (drained = true)),
      ...workers.map((own, i) => worker(own, seededRandom(SEED + 1 + i))),
    ]);
    expect(all).toHaveLength(600);
    expect(taken.sort()).toEqual(all.sort());
    const outOfOrder = await sql(
      `select later.lane, later.id as first, earlier.id as second from removal later
         join removal earlier on earlier.lane = later.lane and earlier.id < later.id and earlier.seq > later.seq
          and earlier.by <> later.by`,
    );
    expect(outOfOrder).toEqual([]);
  });
});
