import * as fc from 'fast-check';
import { Share, type Grant, type Rate } from '../../src/rate-limit/share';

/** The bucket as the database keeps it. */
class Bucket {
  private level: number;
  private at = 0;

  constructor(private readonly rate: Rate) {
    this.level = rate.capacity;
  }

  take(wanted: number, now: number): Grant {
    const filled = Math.min(this.rate.capacity, this.level + ((now - this.at) / 1000) * this.rate.perSecond);
    const granted = Math.min(wanted, Math.floor(filled));
    this.level = filled - granted;
    this.at = now;
    return { granted, level: this.level };
  }
}

/** Spends of the share, or of what the bucket gives at once when the share is used up. */
function spend(share: Share, bucket: Bucket, wanted: number, now: number): boolean {
  if (share.spend(now)) return true;
  share.add(bucket.take(wanted, now), now);
  return share.spend(now + 0.01);
}

const rates = fc
  .double({ min: 0.1, max: 1000, noNaN: true })
  .map((perSecond): Rate => ({ perSecond, capacity: Math.max(1, Math.floor(perSecond)) }));
const pauses = fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 3000 })), {
  maxLength: 400,
});

it('a lone process gets a burst of the whole capacity, and not one more', () => {
  for (const capacity of [1, 2, 5, 10, 100, 1234]) {
    const rate = { perSecond: capacity, capacity };
    const [share, bucket] = [new Share(rate, 0), new Bucket(rate)];
    const passed = Array.from({ length: capacity + 20 }, () => spend(share, bucket, Math.ceil(capacity / 10), 0));
    expect([capacity, passed.filter(Boolean).length]).toEqual([capacity, capacity]);
  }
});

it('a lone process has what a token bucket gives: never a token more within any time, nor two less', () => {
  fc.assert(
    fc.property(rates, pauses, fc.integer({ min: 1, max: 50 }), (rate, waits, wanted) => {
      const [share, bucket] = [new Share(rate, 0), new Bucket(rate)];
      let [now, ideal, idealAt] = [0, rate.capacity, 0];
      const passedAt: number[] = [];
      for (const wait of waits) {
        now += wait;
        ideal = Math.min(rate.capacity, ideal + ((now - idealAt) / 1000) * rate.perSecond);
        idealAt = now;
        const passed = spend(share, bucket, wanted, now);
        if (!passed) expect(ideal).toBeLessThan(2);
        if (!passed) continue;
        ideal = Math.max(0, ideal - 1);
        passedAt.push(now);
        for (const [n, at] of passedAt.entries()) {
          const allowance = rate.capacity + ((now - at) / 1000) * rate.perSecond;
          if (passedAt.length - n >= allowance + 1) throw new Error(`${passedAt.length - n} within ${now - at} ms`);
        }
      }
    }),
    { numRuns: 200 },
  );
});

it('tokens that were taken out and not spent are given up as the bucket fills, so that resting saves nothing', () => {
  const rate = { perSecond: 100, capacity: 100 };
  const [share, bucket] = [new Share(rate, 0), new Bucket(rate)];
  expect(spend(share, bucket, 50, 0)).toBe(true);
  expect(share.left(0)).toBe(99);
  expect(share.left(5000)).toBe(100);
  const passed = Array.from({ length: 200 }, () => spend(share, bucket, 10, 5000));
  expect(passed.filter(Boolean)).toHaveLength(100);
});

it('several processes never get more than the rate, and at once only the shares more that they hold', () => {
  const rate = { perSecond: 100, capacity: 100 };
  const bucket = new Bucket(rate);
  const shares = [new Share(rate, 0), new Share(rate, 0), new Share(rate, 0)];
  let passed = 0;
  for (let now = 0; now < 60_000; now += 2) {
    for (const share of shares) if (spend(share, bucket, 10, now)) passed++;
  }
  expect(passed).toBeLessThanOrEqual(100 + 60 * 100 + 2 * 10);
  expect(passed).toBeGreaterThan(60 * 100);
});
