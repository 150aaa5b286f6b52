import fc from 'fast-check';
import { decide, news, readRetryAfter } from '../../src/delivery/retry-policy';
import type { Fault, Outcome } from '../../src/delivery/outcome';

const SCHEDULE = [5, 30, 120, 600, 1800, 3600, 10_800, 21_600, 43_200, 86_400, 86_400];
const NOW = Date.UTC(2026, 1, 25, 10, 30, 0);
const DAY_MS = 86_400_000;
/** No jitter. */
const MIDDLE = 0.5;

function answer(statusCode: number, headers: Record<string, string> = {}): Outcome {
  return { kind: 'answer', statusCode, headers, body: '' };
}

function decided(outcome: Outcome, failures = 0, probe = false) {
  return decide({ outcome, failures, probe }, SCHEDULE, MIDDLE);
}

const FAULTS: Fault[] = ['timeout', 'dns', 'tls', 'connection', 'address_refused'];
const NO_ANSWER: Outcome[] = FAULTS.map((fault) => ({ kind: 'no_answer', fault }));

/** A row of contract section 8: what repeats it, and whether it ends the row of failures. */
type Row = 'delivered' | 'whole schedule' | 'four waits' | 'gone';

const TABLE: [status: number, row: Row, up: boolean][] = [
  ...[200, 201, 202, 204, 299].map((s): [number, Row, boolean] => [s, 'delivered', true]),
  ...[300, 301, 302, 303, 304, 307, 308, 399].map((s): [number, Row, boolean] => [s, 'whole schedule', false]),
  ...[408, 425, 429].map((s): [number, Row, boolean] => [s, 'whole schedule', false]),
  ...[500, 501, 502, 503, 504, 511, 599].map((s): [number, Row, boolean] => [s, 'whole schedule', false]),
  ...[401, 403, 404, 405].map((s): [number, Row, boolean] => [s, 'four waits', false]),
  ...[400, 402, 406, 409, 413, 415, 418, 422, 451, 499].map((s): [number, Row, boolean] => [s, 'four waits', true]),
  [410, 'gone', true],
];

describe('the table of outcomes', () => {
  test.each(TABLE)('%i: %s; the endpoint is up: %s', (status, row, up) => {
    const outcome = answer(status);
    expect(news(outcome, NOW)).toEqual({ up, retryAfterMs: 0, gone: row === 'gone' });
    for (const [failures, seconds] of SCHEDULE.entries()) {
      const expected =
        row === 'delivered'
          ? { verdict: 'delivered' }
          : row === 'gone'
            ? { verdict: 'retry', waitMs: 0, counted: false }
            : row === 'four waits' && failures >= 4
              ? { verdict: 'dead' }
              : { verdict: 'retry', waitMs: seconds * 1000, counted: true };
      expect(decided(outcome, failures)).toEqual(expected);
    }
  });

  test.each(FAULTS)('no answer (%s) uses the whole schedule and counts against the endpoint', (fault) => {
    const outcome: Outcome = { kind: 'no_answer', fault };
    expect(news(outcome, NOW)).toEqual({ up: false, retryAfterMs: 0, gone: false });
    for (const [failures, seconds] of SCHEDULE.entries()) {
      expect(decided(outcome, failures)).toEqual({ verdict: 'retry', waitMs: seconds * 1000, counted: true });
    }
  });

  test('behind the last wait a message is dead, whatever the temporary trouble', () => {
    for (const outcome of [...NO_ANSWER, answer(302), answer(408), answer(425), answer(429), answer(500)]) {
      expect(decided(outcome, SCHEDULE.length - 1).verdict).toBe('retry');
      expect(decided(outcome, SCHEDULE.length)).toEqual({ verdict: 'dead' });
    }
  });

  test('a refusal after temporary trouble that used up four waits ends the message', () => {
    expect(decided(answer(422), 3).verdict).toBe('retry');
    expect(decided(answer(422), 9)).toEqual({ verdict: 'dead' });
  });

  test('410 waits uncounted however often it was tried before', () => {
    expect(decided(answer(410), SCHEDULE.length)).toEqual({ verdict: 'retry', waitMs: 0, counted: false });
  });

  test('no wait at all: the first failure is the last', () => {
    expect(decide({ outcome: answer(500), failures: 0, probe: false }, [], MIDDLE)).toEqual({ verdict: 'dead' });
  });
});

describe('a probe', () => {
  test('that fails uses up none of its message, not even the last attempt', () => {
    for (const outcome of [...NO_ANSWER, ...[301, 401, 403, 404, 405, 408, 425, 429, 500, 503].map((s) => answer(s))]) {
      for (const failures of [0, 4, SCHEDULE.length]) {
        expect(decided(outcome, failures, true)).toEqual({ verdict: 'retry', waitMs: 0, counted: false });
      }
    }
  });

  test('that finds the endpoint up is judged as any other attempt', () => {
    expect(decided(answer(200), 3, true)).toEqual({ verdict: 'delivered' });
    expect(decided(answer(422), 3, true)).toEqual({ verdict: 'retry', waitMs: 600_000, counted: true });
    expect(decided(answer(422), 4, true)).toEqual({ verdict: 'dead' });
  });
});

describe('jitter', () => {
  test('is ±20 % of the wait', () => {
    const at = (random: number) => decide({ outcome: answer(500), failures: 2, probe: false }, SCHEDULE, random);
    expect(at(0)).toMatchObject({ waitMs: 96_000 });
    expect(at(MIDDLE)).toMatchObject({ waitMs: 120_000 });
    expect(at(1 - Number.EPSILON)).toMatchObject({ waitMs: 144_000 });
  });

  test('never leaves its bounds and is always whole milliseconds', () => {
    const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(fc.nat(SCHEDULE.length - 1), random, (failures, r) => {
        const decision = decide({ outcome: answer(503), failures, probe: false }, SCHEDULE, r);
        const wait = SCHEDULE[failures]! * 1000;
        if (decision.verdict !== 'retry') throw new Error(decision.verdict);
        expect(Number.isInteger(decision.waitMs)).toBe(true);
        expect(decision.waitMs).toBeGreaterThanOrEqual(wait * 0.8);
        expect(decision.waitMs).toBeLessThanOrEqual(wait * 1.2);
      }),
    );
  });
});

describe('Retry-After', () => {
  test.each([
    ['seconds', '120', 120_000],
    ['seconds in white space', ' 7 ', 7000],
    ['no seconds', '0', 0],
    ['a date', 'Wed, 25 Feb 2026 10:31:30 GMT', 90_000],
    ['a date of the past', 'Wed, 25 Feb 2026 10:29:59 GMT', 0],
    ['this very moment', 'Wed, 25 Feb 2026 10:30:00 GMT', 0],
    ['a day', '86400', DAY_MS],
    ['more than a day', '86401', DAY_MS],
    ['ages', '999999999999999', DAY_MS],
    ['more digits than a number holds', '9'.repeat(400), 0],
    ['a date next year', 'Thu, 25 Feb 2027 10:30:00 GMT', DAY_MS],
    ['nothing', '', 0],
    ['a negative number', '-5', 0],
    ['a fraction', '1.5', 0],
    ['an exponent', '1e3', 0],
    ['hexadecimal', '0x10', 0],
    ['two values', '5, 10', 0],
    ['words', 'soon', 0],
    ['a date of another form', '2026-02-25T11:30:00Z', 0],
    ['a bare year, which a lenient reader takes for a date', '2030 please', 0],
    ['a date that does not exist', 'Wed, 99 Feb 2026 10:31:30 GMT', 0],
    ['a time that does not exist', 'Wed, 25 Feb 2026 99:99:99 GMT', 0],
  ])('%s', (_, header, ms) => expect(readRetryAfter(header, NOW)).toBe(ms));

  test('absent asks for nothing', () => expect(readRetryAfter(undefined, NOW)).toBe(0));

  test('counts with 429 and 503 alone', () => {
    for (const status of [429, 503]) {
      expect(news(answer(status, { 'retry-after': '60' }), NOW).retryAfterMs).toBe(60_000);
    }
    for (const [status] of TABLE.filter(([s]) => s !== 429 && s !== 503)) {
      expect(news(answer(status, { 'retry-after': '60' }), NOW).retryAfterMs).toBe(0);
    }
  });

  test('rests the endpoint; the message keeps its own wait', () => {
    expect(decided(answer(429, { 'retry-after': '3600' }))).toEqual({ verdict: 'retry', waitMs: 5000, counted: true });
  });

  test('of any text is between nothing and a day', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.integer().map(String),
          fc.date({ noInvalidDate: true }).map((d) => d.toUTCString()),
        ),
        (text) => {
          const ms = readRetryAfter(text, NOW);
          expect(Number.isInteger(ms) && ms >= 0 && ms <= DAY_MS).toBe(true);
        },
      ),
    );
  });
});
