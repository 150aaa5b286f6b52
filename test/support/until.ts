import { setTimeout as sleep } from 'node:timers/promises';

/** Polls until `condition` yields something, and fails naming `what` was waited for. */
export async function until<T>(what: string, condition: () => Promise<T | undefined | false> | T | undefined | false) {
  const deadline = Date.now() + 120_000;
  for (;;) {
    const found = await condition();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > deadline) throw new Error(`Waited in vain for ${what}`);
    await sleep(20);
  }
}
