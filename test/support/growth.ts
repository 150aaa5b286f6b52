/**
 * How many times as much of the processor's time `large` takes as `small`: of each the least of several rounds, taken in
 * turns, so that what else runs on the machine makes no difference.
 */
export function growth(small: () => unknown, large: () => unknown, rounds = 3): number {
  let [least, most] = [Infinity, Infinity];
  for (let round = 0; round < rounds; round++) {
    least = Math.min(least, cost(small));
    most = Math.min(most, cost(large));
  }
  return most / least;
}

/** In microseconds, of this process alone. */
function cost(work: () => unknown): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return Math.max(1, user + system);
}
