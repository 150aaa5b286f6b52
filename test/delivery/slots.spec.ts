import fc from 'fast-check';
import { Slots } from '../../src/delivery/slots';

const FAST = 10;
const SLOW = 4900;

/** Takes all that is offered to these accounts, as a claim that finds plenty does. */
function fill(slots: Slots, atsIds: readonly string[]): Map<string, number> {
  const offers = slots.offer(atsIds);
  for (const [atsId, count] of offers) {
    for (let n = 0; n < count && slots.free > 0; n++) slots.take(atsId);
  }
  return offers;
}

function names(count: number, prefix = 'account'): string[] {
  return Array.from({ length: count }, (_, n) => `${prefix}-${n}`);
}

/** Lets an account succeed so often that it is offered all it may hold. */
function prove(slots: Slots, atsId: string): void {
  for (let n = 0; n < 10; n++) {
    slots.take(atsId);
    slots.give(atsId, true, FAST);
  }
}

test('a stranger begins with two, each fast success doubles them up to its cap, a failure begins anew', () => {
  const slots = new Slots(1024, 32);
  const offered = () => slots.offer(['a']).get('a');
  const end = (succeeded: boolean, ms = FAST) => {
    slots.take('a');
    slots.give('a', succeeded, ms);
  };
  const seen = [offered()];
  for (let n = 0; n < 5; n++) {
    end(true);
    seen.push(offered());
  }
  expect(seen).toEqual([2, 4, 8, 16, 32, 32]);
  end(false);
  expect(offered()).toBe(2);
  end(true);
  expect(offered()).toBe(4);
});

test('a cap of one is kept from the first send on', () => {
  const slots = new Slots(8, 1);
  expect(slots.offer(['a']).get('a')).toBe(1);
  prove(slots, 'a');
  expect(slots.offer(['a']).get('a')).toBe(1);
});

test('what an account holds already is not offered again', () => {
  const slots = new Slots(1024, 32);
  prove(slots, 'a');
  for (let n = 0; n < 30; n++) slots.take('a');
  expect(slots.offer(['a']).get('a')).toBe(2);
  slots.take('a');
  slots.take('a');
  expect(slots.offer(['a']).has('a')).toBe(false);
});

test('strangers together get half of the slots, however many they are', () => {
  const slots = new Slots(64, 32);
  fill(slots, names(400));
  expect(slots.free).toBe(32);
  fill(slots, names(400, 'more'));
  expect(slots.free).toBe(32);
});

test('the slow and the failing count with them, and a steady account finds the other half free', () => {
  const slots = new Slots(64, 32);
  prove(slots, 'steady');
  const [slow, failing] = [names(40, 'slow'), names(40, 'failing')];
  for (let round = 0; round < 5; round++) {
    const offers = fill(slots, [...slow, ...failing]);
    expect(slots.free).toBe(32);
    expect(slots.offer(['steady']).get('steady')).toBe(32);
    for (const [atsId, count] of offers) {
      for (let n = 0; n < count; n++) slots.give(atsId, atsId.startsWith('slow'), SLOW);
    }
    expect(slots.free).toBe(64);
  }
});

test('a success is fast below one second; at one second it counts as slow', () => {
  const slots = new Slots(8, 8);
  for (const atsId of ['fast', 'slow']) {
    slots.take(atsId);
    slots.give(atsId, true, atsId === 'fast' ? 999.9 : 1000);
  }
  fill(slots, names(10));
  expect(slots.free).toBe(4);
  expect(slots.offer(['fast', 'slow'])).toEqual(new Map([['fast', 4]]));
});

test('those who hold fewest come first to what the unsteady share', () => {
  const slots = new Slots(8, 8);
  slots.take('busy');
  slots.take('busy');
  slots.take('half');
  expect(slots.offer(['busy', 'half', 'idle'])).toEqual(new Map([['idle', 1]]));
});

test('an account whose sends turn slow takes those in flight with it to the other half', () => {
  const slots = new Slots(16, 16);
  prove(slots, 'a');
  for (let n = 0; n < 9; n++) slots.take('a');
  expect(slots.offer(['stranger']).get('stranger')).toBe(2);
  slots.give('a', true, SLOW);
  expect(slots.offer(['stranger', 'a'])).toEqual(new Map());
  slots.give('a', true, FAST);
  expect(slots.offer(['stranger']).get('stranger')).toBe(2);
});

test('accounts forgotten to save memory begin anew, those in flight are kept', () => {
  const slots = new Slots(16, 16);
  prove(slots, 'idle');
  prove(slots, 'busy');
  slots.take('busy');
  for (const atsId of names(10_001)) {
    slots.take(atsId);
    slots.give(atsId, true, FAST);
  }
  expect(slots.offer(['idle']).get('idle')).toBe(2);
  expect(slots.offer(['busy']).get('busy')).toBe(15);
  slots.give('busy', true, FAST);
  expect(slots.free).toBe(16);
});

interface Held {
  inFlight: number;
  steady: boolean;
}

type Step =
  { readonly kind: 'claim'; readonly mask: number } | { readonly kind: 'end'; pick: number; ok: boolean; ms: number };

test('whatever is taken and given, no count drifts and no cap is passed', () => {
  const accounts = names(12);
  const step: fc.Arbitrary<Step> = fc.oneof(
    fc.record({ kind: fc.constant('claim' as const), mask: fc.nat(2 ** accounts.length - 1) }),
    fc.record({
      kind: fc.constant('end' as const),
      pick: fc.nat(),
      ok: fc.boolean(),
      ms: fc.constantFrom(FAST, 999, 1000, SLOW),
    }),
  );
  const sizes = fc.record({ total: fc.integer({ min: 2, max: 40 }), perAccount: fc.integer({ min: 1, max: 16 }) });
  fc.assert(
    fc.property(sizes, fc.array(step, { maxLength: 300 }), ({ total, perAccount }, steps) => {
      const slots = new Slots(total, perAccount);
      const model = new Map(accounts.map((a): [string, Held] => [a, { inFlight: 0, steady: false }]));
      const flying: string[] = [];
      const unsteady = () =>
        [...model.values()].reduce((sum, { steady, inFlight }) => sum + (steady ? 0 : inFlight), 0);
      const give = (atsId: string, ok: boolean, ms: number) => {
        slots.give(atsId, ok, ms);
        const held = model.get(atsId)!;
        held.inFlight--;
        held.steady = ok && ms < 1000;
      };
      for (const s of steps) {
        if (s.kind === 'end') {
          const [atsId] = flying.splice(s.pick % Math.max(1, flying.length), 1);
          if (atsId !== undefined) give(atsId, s.ok, s.ms);
        } else {
          const before = unsteady();
          for (const [atsId, count] of slots.offer(accounts.filter((_, n) => (s.mask >> n) & 1))) {
            expect(count).toBeGreaterThan(0);
            for (let n = 0; n < count && slots.free > 0; n++) {
              slots.take(atsId);
              flying.push(atsId);
              model.get(atsId)!.inFlight++;
            }
            expect(model.get(atsId)!.inFlight).toBeLessThanOrEqual(perAccount);
          }
          expect(unsteady()).toBeLessThanOrEqual(Math.max(before, Math.floor(total / 2)));
        }
        expect(slots.free).toBe(total - flying.length);
        expect(slots.free).toBeGreaterThanOrEqual(0);
      }
      for (const atsId of flying.splice(0)) give(atsId, true, FAST);
      expect(slots.free).toBe(total);
      fill(slots, names(total, 'new'));
      expect(slots.free).toBe(Math.ceil(total / 2));
    }),
    { numRuns: 300 },
  );
});
