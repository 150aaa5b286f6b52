import fc from 'fast-check';
import { readEnv } from '../../src/config/env';
import type { Fault, Outcome } from '../../src/delivery/outcome';
import { decide } from '../../src/delivery/retry-policy';

/** Contract, section 8: 5 s, 30 s, 2 min, 10 min, 30 min, 1 h, 3 h, 6 h, 12 h, 24 h, 24 h. */
const CONTRACT = [5, 30, 120, 600, 1800, 3600, 10_800, 21_600, 43_200, 86_400, 86_400];
const MIDDLE = 0.5;

function answer(statusCode: number): Outcome {
  return { kind: 'answer', statusCode, headers: {}, body: '' };
}

/** The waits of a message that meets the same outcome at every attempt, in seconds, until it is dead. */
function waitsOf(outcome: Outcome, schedule: readonly number[] = CONTRACT): number[] {
  const waits: number[] = [];
  for (;;) {
    const decision = decide(outcome, waits.length, schedule, MIDDLE);
    if (decision.verdict === 'dead') return waits;
    if (decision.verdict === 'delivered') throw new Error('delivered');
    waits.push(decision.waitMs / 1000);
  }
}

test('the schedule of the contract is the default', () => {
  expect(readEnv({ NODE_ENV: 'test' }).DELIVERY_RETRY_SCHEDULE).toEqual(CONTRACT);
});

test.each([200, 201, 202, 204, 206, 299])('%i is delivered, however often the message failed before', (status) => {
  for (const failures of [0, 4, 11, 50])
    expect(decide(answer(status), failures, CONTRACT, MIDDLE)).toEqual({ verdict: 'delivered' });
});

test.each([408, 425, 429, 500, 501, 502, 503, 504, 599])('%i is tried on the whole schedule, then dead', (status) => {
  expect(waitsOf(answer(status))).toEqual(CONTRACT);
});

test.each([300, 301, 302, 303, 304, 307, 308])('%i is no delivery: tried on the whole schedule', (status) => {
  expect(waitsOf(answer(status))).toEqual(CONTRACT);
});

test.each<Fault>(['timeout', 'dns', 'tls', 'connection', 'address_refused'])(
  'no answer (%s) is tried on the whole schedule, then dead',
  (fault) => {
    expect(waitsOf({ kind: 'no_answer', fault })).toEqual(CONTRACT);
  },
);

test.each([400, 401, 402, 403, 404, 405, 406, 409, 411, 413, 415, 418, 422, 451, 499])(
  '%i is tried on the first four waits only, then dead',
  (status) => {
    expect(waitsOf(answer(status))).toEqual([5, 30, 120, 600]);
  },
);

test('four waits are no more than the schedule has', () => {
  expect(waitsOf(answer(400), [1, 2])).toEqual([1, 2]);
  expect(waitsOf(answer(400), [])).toEqual([]);
  expect(waitsOf(answer(500), [])).toEqual([]);
});

test('a refusal counts the failures of other kinds before it', () => {
  expect(decide(answer(400), 4, CONTRACT, MIDDLE)).toEqual({ verdict: 'dead' });
  expect(decide(answer(400), 3, CONTRACT, MIDDLE)).toEqual({ verdict: 'retry', waitMs: 600_000 });
  expect(decide(answer(500), 4, CONTRACT, MIDDLE)).toEqual({ verdict: 'retry', waitMs: 1_800_000 });
});

test('each wait varies by ±20 %, both ends within reach', () => {
  CONTRACT.forEach((seconds, failures) => {
    const waitAt = (random: number) => {
      const decision = decide(answer(500), failures, CONTRACT, random);
      return decision.verdict === 'retry' ? decision.waitMs : NaN;
    };
    expect(waitAt(0)).toBe(seconds * 800);
    expect(waitAt(MIDDLE)).toBe(seconds * 1000);
    expect(waitAt(1 - Number.EPSILON)).toBe(seconds * 1200);
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (random) => {
        expect(waitAt(random)).toBeGreaterThanOrEqual(seconds * 800);
        expect(waitAt(random)).toBeLessThanOrEqual(seconds * 1200);
        expect(Number.isInteger(waitAt(random))).toBe(true);
      }),
    );
  });
});

test('every outcome, status and number of failures has a decision, and the end of the schedule is the end', () => {
  fc.assert(
    fc.property(fc.integer({ min: 100, max: 599 }), fc.nat(30), (status, failures) => {
      const { verdict } = decide(answer(status), failures, CONTRACT, MIDDLE);
      if (status >= 200 && status < 300) expect(verdict).toBe('delivered');
      else if (failures >= CONTRACT.length) expect(verdict).toBe('dead');
      else expect(verdict).not.toBe('delivered');
    }),
  );
});
