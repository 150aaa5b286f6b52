import fc from 'fast-check';
import { Slots, type Slot } from '../../src/delivery/slots';

const FAST_MS = 1000;
const FAST = 10;
const SLOW = 4900;

/** Takes all that is offered to these accounts, as a claim that finds plenty does. */
function fill(slots: Slots, atsIds: readonly string[], now = 0): Slot[] {
  const taken: Slot[] = [];
  for (const [atsId, count] of slots.offer(atsIds, now)) {
    for (let n = 0; n < count && slots.free > 0; n++) taken.push(slots.take(atsId, now));
  }
  return taken;
}

/** One send that takes so long. */
function send(slots: Slots, atsId: string, succeeded = true, ms = FAST): void {
  slots.give(slots.take(atsId, 0), succeeded, ms);
}

function names(count: number, prefix = 'account'): string[] {
  return Array.from({ length: count }, (_, n) => `${prefix}-${n}`);
}

/** Lets an account succeed so often that it is offered all it may hold. */
function prove(slots: Slots, atsId: string): void {
  for (let n = 0; n < 10; n++) send(slots, atsId);
}

test('a stranger begins with two, each fast success doubles them up to its cap, a failure begins anew', () => {
  const slots = new Slots(1024, 32, FAST_MS);
  const offered = () => slots.offer(['a'], 0).get('a');
  const end = (succeeded: boolean) => send(slots, 'a', succeeded);
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
  const slots = new Slots(8, 1, FAST_MS);
  expect(slots.offer(['a'], 0).get('a')).toBe(1);
  prove(slots, 'a');
  expect(slots.offer(['a'], 0).get('a')).toBe(1);
});

test('what an account holds already is not offered again', () => {
  const slots = new Slots(1024, 32, FAST_MS);
  prove(slots, 'a');
  for (let n = 0; n < 30; n++) slots.take('a', 0);
  expect(slots.offer(['a'], 0).get('a')).toBe(2);
  slots.take('a', 0);
  slots.take('a', 0);
  expect(slots.offer(['a'], 0).has('a')).toBe(false);
});

test('strangers together get half of the slots, however many they are', () => {
  const slots = new Slots(64, 32, FAST_MS);
  fill(slots, names(400));
  expect(slots.free).toBe(32);
  fill(slots, names(400, 'more'));
  expect(slots.free).toBe(32);
});

test('the slow and the failing count with them, and a steady account finds the other half free', () => {
  const slots = new Slots(64, 32, FAST_MS);
  prove(slots, 'steady');
  const [slow, failing] = [names(40, 'slow'), names(40, 'failing')];
  for (let round = 0; round < 5; round++) {
    const taken = fill(slots, [...slow, ...failing]);
    expect(slots.free).toBe(32);
    expect(slots.offer(['steady'], 0).get('steady')).toBe(32);
    for (const slot of taken) slots.give(slot, slot.atsId.startsWith('slow'), SLOW);
    expect(slots.free).toBe(64);
  }
});

test('a success is fast below its bound; at the bound it counts as slow', () => {
  const slots = new Slots(8, 8, FAST_MS);
  send(slots, 'fast', true, FAST_MS - 0.1);
  send(slots, 'slow', true, FAST_MS);
  fill(slots, names(10));
  expect(slots.free).toBe(4);
  expect(slots.offer(['fast', 'slow'], 0)).toEqual(new Map([['fast', 4]]));
});

test('those who hold fewest come first to what the unsteady share', () => {
  const slots = new Slots(8, 8, FAST_MS);
  slots.take('busy', 0);
  slots.take('busy', 0);
  slots.take('half', 0);
  expect(slots.offer(['busy', 'half', 'idle'], 0)).toEqual(new Map([['idle', 1]]));
});

test('of those who hold as few, who has waited longest comes first: no name is starved', () => {
  const slots = new Slots(8, 8, FAST_MS);
  const crowd = names(20);
  const served = new Set<string>();
  const taken = fill(slots, crowd);
  for (let turn = 0; turn < 24; turn++) {
    const slot = taken.shift()!;
    served.add(slot.atsId);
    slots.give(slot, true, SLOW);
    taken.push(...fill(slots, crowd));
  }
  expect([...served].sort()).toEqual([...crowd].sort());
});

test('an account whose sends turn slow takes those in flight with it to the other half', () => {
  const slots = new Slots(16, 16, FAST_MS);
  prove(slots, 'a');
  const [first, second] = Array.from({ length: 9 }, () => slots.take('a', 0));
  expect(slots.offer(['stranger'], 0).get('stranger')).toBe(2);
  slots.give(first!, true, SLOW);
  expect(slots.offer(['stranger', 'a'], 0)).toEqual(new Map());
  slots.give(second!, true, FAST);
  expect(slots.offer(['stranger'], 0).get('stranger')).toBe(2);
});

test('a send that lasts too long counts for its account before it ends', () => {
  const slots = new Slots(16, 8, FAST_MS);
  for (const atsId of ['a', 'b', 'steady']) prove(slots, atsId);
  const taken = fill(slots, ['a'], 500);
  expect(taken).toHaveLength(8);
  expect(slots.offer(['b', 'stranger'], 500 + FAST_MS - 1)).toEqual(
    new Map([
      ['b', 8],
      ['stranger', 2],
    ]),
  );
  expect(slots.offer(['stranger', 'steady'], 500 + FAST_MS)).toEqual(new Map([['steady', 8]]));
  // Whatever comes back later, late as it is, nothing is counted twice.
  for (const slot of taken) slots.give(slot, true, 500 + SLOW);
  expect(fill(slots, names(20))).toHaveLength(8);
});

test('accounts that turn slow together go no further than they came in that time', () => {
  const slots = new Slots(64, 32, FAST_MS);
  const turned = names(8);
  for (const atsId of turned) prove(slots, atsId);
  for (const atsId of turned) slots.take(atsId, 0);
  for (let n = 0; n < 24; n++) slots.take(turned[0]!, 0);
  expect(fill(slots, turned, FAST_MS)).toEqual([]);
  expect(slots.free).toBe(32);
});

test('accounts forgotten to save memory begin anew, those in flight are kept', () => {
  const slots = new Slots(16, 16, FAST_MS);
  prove(slots, 'idle');
  prove(slots, 'busy');
  const kept = slots.take('busy', 0);
  for (const atsId of names(10_001)) send(slots, atsId);
  expect(slots.offer(['idle'], 0).get('idle')).toBe(2);
  expect(slots.offer(['busy'], 0).get('busy')).toBe(15);
  slots.give(kept, true, FAST);
  expect(slots.free).toBe(16);
});

interface Held {
  inFlight: number;
  steady: boolean;
}

type Step = { readonly wait: number } & (
  | { readonly kind: 'claim'; readonly mask: number }
  | { readonly kind: 'end'; readonly pick: number; readonly ok: boolean }
);

test('whatever is taken and given, no count drifts and no cap is passed', () => {
  const accounts = names(12);
  const wait = fc.constantFrom(0, FAST, 400, FAST_MS - 1, FAST_MS, SLOW);
  const step: fc.Arbitrary<Step> = fc.oneof(
    fc.record({ kind: fc.constant('claim' as const), wait, mask: fc.nat(2 ** accounts.length - 1) }),
    fc.record({ kind: fc.constant('end' as const), wait, pick: fc.nat(), ok: fc.boolean() }),
  );
  const sizes = fc.record({ total: fc.integer({ min: 2, max: 40 }), perAccount: fc.integer({ min: 1, max: 16 }) });
  fc.assert(
    fc.property(sizes, fc.array(step, { maxLength: 300 }), ({ total, perAccount }, steps) => {
      const slots = new Slots(total, perAccount, FAST_MS);
      const model = new Map(accounts.map((a): [string, Held] => [a, { inFlight: 0, steady: false }]));
      const flying: Slot[] = [];
      const noticed = new Set<Slot>();
      let now = 0;
      const unsteady = () =>
        [...model.values()].reduce((sum, { steady, inFlight }) => sum + (steady ? 0 : inFlight), 0);
      const give = (slot: Slot, ok: boolean) => {
        slots.give(slot, ok, now);
        const held = model.get(slot.atsId)!;
        held.inFlight--;
        held.steady = ok && now - slot.since < FAST_MS;
      };
      const notice = () => {
        for (const slot of flying.filter((f) => now - f.since >= FAST_MS && !noticed.has(f))) {
          noticed.add(slot);
          model.get(slot.atsId)!.steady = false;
        }
      };
      for (const s of steps) {
        now += s.wait;
        if (s.kind === 'end') {
          const [slot] = flying.splice(s.pick % Math.max(1, flying.length), 1);
          if (slot !== undefined) give(slot, s.ok);
        } else {
          notice();
          const before = unsteady();
          const asked = accounts.filter((_, n) => (s.mask >> n) & 1);
          for (const [atsId, count] of slots.offer(asked, now)) {
            expect(count).toBeGreaterThan(0);
            for (let n = 0; n < count && slots.free > 0; n++) {
              flying.push(slots.take(atsId, now));
              model.get(atsId)!.inFlight++;
            }
            expect(model.get(atsId)!.inFlight).toBeLessThanOrEqual(perAccount);
          }
          expect(unsteady()).toBeLessThanOrEqual(Math.max(before, Math.floor(total / 2)));
        }
        expect(slots.free).toBe(total - flying.length);
        expect(slots.free).toBeGreaterThanOrEqual(0);
      }
      for (const slot of flying.splice(0)) give(slot, true);
      expect(slots.free).toBe(total);
      fill(slots, names(total, 'new'), now);
      expect(slots.free).toBe(Math.ceil(total / 2));
    }),
    { numRuns: 300 },
  );
});
