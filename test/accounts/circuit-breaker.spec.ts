import fc from 'fast-check';
import { transition, type Breaker, type Signal } from '../../src/accounts/circuit-breaker';

const CLOSED: Breaker = { failuresInRow: 0, pauseMs: 0 };
const UP: Signal = { up: true, probe: false };
const DOWN: Signal = { up: false, probe: false };
const FAILED_PROBE: Signal = { up: false, probe: true };
const GOOD_PROBE: Signal = { up: true, probe: true };

/** The breaker after all of them, and every pause with which it opened on the way. */
function follow(signals: readonly Signal[], from = CLOSED): { breaker: Breaker; opened: number[] } {
  const opened: number[] = [];
  let breaker = from;
  for (const signal of signals) {
    const next = transition(breaker, signal);
    breaker = next.breaker;
    if (next.opensForMs > 0) opened.push(next.opensForMs);
  }
  return { breaker, opened };
}

const times = (count: number, signal: Signal): Signal[] => Array.from({ length: count }, () => signal);

test('it opens for 30 s with the 20th failure in a row, and not before', () => {
  expect(follow(times(19, DOWN))).toEqual({ breaker: { failuresInRow: 19, pauseMs: 0 }, opened: [] });
  expect(follow(times(20, DOWN))).toEqual({ breaker: { failuresInRow: 20, pauseMs: 30_000 }, opened: [30_000] });
});

test('any answer of an endpoint that is up ends the row', () => {
  expect(follow([...times(19, DOWN), UP]).breaker).toEqual(CLOSED);
  expect(follow([...times(19, DOWN), UP, ...times(19, DOWN)]).opened).toEqual([]);
  expect(follow([...times(19, DOWN), UP, ...times(20, DOWN)]).opened).toEqual([30_000]);
});

test('what was under way when it opened does not lengthen the pause', () => {
  const { breaker, opened } = follow(times(50, DOWN));
  expect(opened).toEqual([30_000]);
  expect(breaker.pauseMs).toBe(30_000);
});

test('each failed probe doubles the pause, to 10 minutes', () => {
  const { opened } = follow([...times(20, DOWN), ...times(7, FAILED_PROBE)]);
  expect(opened).toEqual([30_000, 60_000, 120_000, 240_000, 480_000, 600_000, 600_000, 600_000]);
});

test('one success closes it, whether of a probe or of what was still under way, and the row begins anew', () => {
  const open = follow([...times(20, DOWN), ...times(3, FAILED_PROBE)]).breaker;
  for (const success of [GOOD_PROBE, UP]) {
    expect(transition(open, success)).toEqual({ breaker: CLOSED, opensForMs: 0 });
    expect(follow([success, ...times(19, DOWN)], open).opened).toEqual([]);
    expect(follow([success, ...times(20, DOWN)], open).opened).toEqual([30_000]);
  }
});

test('whatever happens, it is open only behind 20 failures since the last success, for 30 s to 10 min', () => {
  const signal = fc.record({ up: fc.boolean(), probe: fc.boolean() });
  const mostlyDown = fc.oneof(
    { weight: 30, arbitrary: fc.constantFrom(DOWN, FAILED_PROBE) },
    { weight: 1, arbitrary: signal },
  );
  fc.assert(
    fc.property(fc.array(mostlyDown, { maxLength: 200 }), (signals) => {
      const { breaker, opened } = follow(signals);
      const row = signals.length - 1 - signals.findLastIndex((s) => s.up);
      expect(breaker.failuresInRow).toBe(row);
      expect(breaker.pauseMs > 0).toBe(row >= 20);
      for (const pause of opened) {
        expect(pause).toBeGreaterThanOrEqual(30_000);
        expect(pause).toBeLessThanOrEqual(600_000);
      }
    }),
  );
});
