import { DatabaseError } from 'pg';
import { AsyncLocalStorage } from 'node:async_hooks';
import { translateFault } from '../../src/database/faults';
import { DomainError } from '../../src/errors';
import { GroupCommit } from '../../src/queue/group-commit';

interface Flush {
  readonly rows: readonly string[];
  succeed(): void;
  fail(fault: unknown): void;
}

/** A writer that ends when the test says so, and a group commit on it; an answer is its row in upper case. */
function setUp() {
  const flushes: Flush[] = [];
  const group = new GroupCommit<string, string>(
    (rows) =>
      new Promise((resolve, reject) => {
        flushes.push({ rows, succeed: () => resolve(rows.map((row) => row.toUpperCase())), fail: reject });
      }),
  );
  return { group, flushes, add: (row: string, bytes = 1) => group.add(row, bytes) };
}

/** As `setUp`, but the writer answers at once: with a fault where `judge` names one. */
function setUpJudged(judge: (rows: readonly string[], flush: number) => Error | undefined) {
  const flushed: (readonly string[])[] = [];
  const group = new GroupCommit<string, string>(async (rows) => {
    flushed.push(rows);
    await settled();
    const fault = judge(rows, flushed.length);
    if (fault !== undefined) throw fault;
    return rows.map((row) => row.toUpperCase());
  });
  return {
    group,
    flushed,
    addAll: (rows: readonly string[]) => Promise.allSettled(rows.map((row) => group.add(row, 1))),
  };
}

/** Everything that was already decided has happened. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function sqlError(code: string): DatabaseError {
  return Object.assign(new DatabaseError('refused', 0, 'error'), { code, severity: 'ERROR' });
}

function connectionFault(): Error {
  return translateFault(new Error('Connection terminated unexpectedly')) as Error;
}

function letters(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `r${i}`);
}

const fulfilled = (row: string) => ({ status: 'fulfilled', value: row.toUpperCase() });

describe('grouping', () => {
  test('a lone caller is flushed at once, within the very call', () => {
    const { flushes, add } = setUp();
    void add('a');
    expect(flushes.map((f) => f.rows)).toEqual([['a']]);
  });

  test('one flush is under way at a time; whoever comes meanwhile forms the next group, in order', async () => {
    const { flushes, add } = setUp();
    const answers = ['a', 'b', 'c', 'd'].map((row) => add(row));
    await settled();
    expect(flushes.map((f) => f.rows)).toEqual([['a']]);
    flushes[0]!.succeed();
    expect(await answers[0]).toBe('A');
    await settled();
    expect(flushes.map((f) => f.rows)).toEqual([['a'], ['b', 'c', 'd']]);
    const late = add('e');
    flushes[1]!.succeed();
    expect(await Promise.all(answers)).toEqual(['A', 'B', 'C', 'D']);
    await settled();
    flushes[2]!.succeed();
    expect(await late).toBe('E');
  });

  test('a caller that comes when all is done is flushed at once again', async () => {
    const { flushes, add } = setUp();
    const first = add('a');
    flushes[0]!.succeed();
    await first;
    await settled();
    void add('b');
    expect(flushes).toHaveLength(2);
  });

  test('groups are bounded in rows', async () => {
    const { flushes, add } = setUp();
    void add('first');
    for (const row of letters(1201)) void add(row);
    for (let i = 0; i < 4; i++) {
      flushes[i]!.succeed();
      await settled();
    }
    expect(flushes.map((f) => f.rows.length)).toEqual([1, 500, 500, 201]);
  });

  test('groups are bounded in bytes, and a row larger than the bound goes alone', async () => {
    const MIB = 1024 * 1024;
    const { flushes, add } = setUp();
    void add('first');
    for (const [row, mib] of [
      ['a', 2],
      ['b', 2],
      ['c', 1],
      ['huge', 5],
      ['d', 1],
    ] as const)
      void add(row, mib * MIB);
    for (let i = 0; i < 5; i++) {
      flushes[i]!.succeed();
      await settled();
    }
    expect(flushes.map((f) => f.rows)).toEqual([['first'], ['a', 'b'], ['c'], ['huge'], ['d']]);
  });

  test('what waits is bounded too: past 64 MiB the caller has its 503 at once, and room that was freed counts', async () => {
    const MIB = 1024 * 1024;
    const { flushes, add } = setUp();
    const first = add('first');
    const waiting = Array.from({ length: 64 }, (_, i) => add(`w${i}`, MIB));
    await expect(add('too much')).rejects.toMatchObject({ kind: 'unavailable' });
    flushes[0]!.succeed();
    await first;
    await settled();
    const admitted = add('fits now', 4 * MIB);
    await expect(add('too much', MIB)).rejects.toMatchObject({ kind: 'unavailable' });
    for (let i = 1; i <= 17; i++) {
      flushes[i]!.succeed();
      await settled();
    }
    expect(await Promise.all([...waiting, admitted])).toHaveLength(65);
  });

  test('an answer that is an error refuses its own caller only', async () => {
    const refusal = new DomainError('conflict', 'no');
    const group = new GroupCommit<string, string>(async (rows) =>
      rows.map((row) => (row === 'bad' ? refusal : row.toUpperCase())),
    );
    expect(await Promise.allSettled(['a', 'bad', 'b'].map((row) => group.add(row, 1)))).toEqual([
      fulfilled('a'),
      { status: 'rejected', reason: refusal },
      fulfilled('b'),
    ]);
  });

  test('a flush belongs to no caller’s context', async () => {
    const context = new AsyncLocalStorage<string>();
    const seen: (string | undefined)[] = [];
    const group = context.run(
      'made here',
      () =>
        new GroupCommit<string, string>(async (rows) => {
          seen.push(context.getStore());
          return [...rows];
        }),
    );
    await Promise.all(['x', 'y'].map((caller) => context.run(caller, () => group.add(caller, 1))));
    expect(seen).toEqual(['made here', 'made here']);
  });
});

describe('faults', () => {
  test('a data error is halved to its culprit, and strangers succeed', async () => {
    const { flushed, addAll } = setUpJudged((rows) => (rows.includes('r37') ? sqlError('22P05') : undefined));
    const rows = letters(101);
    const answers = await addAll(rows);
    expect(answers.flatMap((answer, i) => (answer.status === 'rejected' ? [rows[i]] : []))).toEqual(['r37']);
    expect(answers.filter((answer) => answer.status === 'fulfilled').map((answer) => answer.value)).toEqual(
      rows.filter((row) => row !== 'r37').map((row) => row.toUpperCase()),
    );
    expect(flushed.length).toBeLessThanOrEqual(2 + 2 * Math.ceil(Math.log2(100)));
  });

  test('halving keeps the order of the group and writes each stranger once', async () => {
    const written: string[] = [];
    const { addAll } = setUpJudged((rows) => {
      if (rows.includes('r5')) return sqlError('23514');
      written.push(...rows);
      return undefined;
    });
    await addAll(letters(20));
    expect(written).toEqual(letters(20).filter((row) => row !== 'r5'));
  });

  test.each(['40P01', '40001'])(
    'crossed transactions (%s): the same group is tried again, nobody notices',
    async (code) => {
      const { flushed, addAll } = setUpJudged((_, flush) => (flush === 2 || flush === 3 ? sqlError(code) : undefined));
      const answers = await addAll(['a', 'b', 'c']);
      expect(answers).toEqual(['a', 'b', 'c'].map(fulfilled));
      expect(flushed).toEqual([['a'], ['b', 'c'], ['b', 'c'], ['b', 'c']]);
    },
  );

  test('a deadlock without end is given up', async () => {
    const { flushed, addAll } = setUpJudged(() => sqlError('40P01'));
    expect(await addAll(['a'])).toMatchObject([{ status: 'rejected', reason: { code: '40P01' } }]);
    expect(flushed.length).toBeLessThanOrEqual(10);
  });

  test('a connection fault answers 503 to all of the group and to those waiting, and nobody is tried again', async () => {
    const { flushes, add } = setUp();
    const answers = Promise.allSettled(['a', 'b', 'c'].map((row) => add(row)));
    flushes[0]!.fail(connectionFault());
    for (const answer of await answers)
      expect(answer).toMatchObject({ status: 'rejected', reason: { kind: 'unavailable', status: 503 } });
    expect(flushes).toHaveLength(1);
    const later = add('d');
    flushes[1]!.succeed();
    expect(await later).toBe('D');
  });

  test('a connection fault in one half ends the halving: the rest has its 503 without another silence', async () => {
    const { flushed, addAll } = setUpJudged((rows) =>
      rows.length === 7 ? sqlError('22P05') : rows.length === 4 ? connectionFault() : undefined,
    );
    const answers = await addAll(letters(8));
    expect(answers[0]).toEqual(fulfilled('r0'));
    for (const answer of answers.slice(1)) expect(answer).toMatchObject({ reason: { kind: 'unavailable' } });
    expect(flushed.map((rows) => rows.length)).toEqual([1, 7, 4]);
  });

  test('after a connection fault the room of those who waited is free again', async () => {
    const { flushes, add } = setUp();
    const answers = Promise.allSettled([add('a'), ...letters(8).map((row) => add(row, 8 * 1024 * 1024))]);
    flushes[0]!.fail(connectionFault());
    await answers;
    void add('b');
    void add('c', 64 * 1024 * 1024);
    flushes[1]!.succeed();
    await settled();
    expect(flushes[2]?.rows).toEqual(['c']);
  });

  test('a bug of the writer is told to its callers as it is; they are not tried again, for some may be written', async () => {
    const bug = new TypeError("Cannot read properties of undefined (reading 'timeout')");
    const { flushed, addAll } = setUpJudged((rows) => (rows.includes('b') ? bug : undefined));
    const told = { status: 'rejected', reason: bug };
    expect(await addAll(['a', 'b', 'c'])).toEqual([fulfilled('a'), told, told]);
    expect(flushed).toEqual([['a'], ['b', 'c']]);
  });

  test('a bug of the writer is not told to those who wait', async () => {
    const bug = new Error('Connection terminated');
    const { addAll } = setUpJudged((rows) => (rows.includes('a') ? bug : undefined));
    expect(await addAll(['a', 'b'])).toEqual([{ status: 'rejected', reason: bug }, fulfilled('b')]);
  });
});
