/**
 * Keeps a repeated fault from flooding the log. The returned function lets the first call through at once and then at
 * most one per `ms`; each that passes is told how many were held back since the one before.
 *
 *     const trouble = every(10_000);
 *     trouble((suppressed) => logger.warn({ err, suppressed }, 'database.unreachable'));
 *
 * @param now milliseconds of a monotonic clock.
 */
export function every(
  ms: number,
  now: () => number = () => performance.now(),
): (emit: (suppressed: number) => void) => void {
  let last = -Infinity;
  let suppressed = 0;
  return (emit) => {
    const at = now();
    if (at - last < ms) {
      suppressed += 1;
      return;
    }
    const held = suppressed;
    last = at;
    suppressed = 0;
    emit(held);
  };
}
