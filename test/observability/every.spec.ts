import fc from 'fast-check';
import { every } from '../../src/observability/every';

describe('a repeated fault', () => {
  it('is told at once, then once per interval with the count of those held back', () => {
    let now = 0;
    const told: [number, number][] = [];
    const trouble = every(1000, () => now);
    for (now = 0; now <= 2500; now += 100) trouble((suppressed) => told.push([now, suppressed]));
    expect(told).toEqual([
      [0, 0],
      [1000, 9],
      [2000, 9],
    ]);
  });

  it('is told at once again after a quiet time', () => {
    let now = 5;
    const told: number[] = [];
    const trouble = every(1000, () => now);
    trouble((suppressed) => told.push(suppressed));
    now = 60_000;
    trouble((suppressed) => told.push(suppressed));
    expect(told).toEqual([0, 0]);
  });

  it('is never lost from the count', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(50)), (gaps) => {
        let now = 0;
        let counted = 0;
        const trouble = every(100, () => now);
        for (const gap of gaps) {
          now += gap;
          trouble((suppressed) => (counted += suppressed + 1));
        }
        now += 100;
        trouble((suppressed) => (counted += suppressed + 1));
        expect(counted).toBe(gaps.length + 1);
      }),
    );
  });
});
