/** A hostile body can hold a hundred thousand faults; the answer names this many. */
export const MAX_FAULTS = 100;
const MAX_SEGMENT = 200;
const MAX_PATH = 500;

/** Appends a key to a dotted path; absurdly long ones are cut, since the answer repeats them. */
export function fieldPath(parent: string, key: string): string {
  if (parent.length > MAX_PATH) return parent;
  const segment = key.length > MAX_SEGMENT ? `${key.slice(0, MAX_SEGMENT)}…` : key;
  return parent === '' ? segment : `${parent}.${segment}`;
}
