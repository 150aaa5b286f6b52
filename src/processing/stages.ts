import type { Write } from '../events/inbound';
import type { Handler } from '../inbox/handler';

/** Writes of one handler that may be applied as one set. */
export interface Stage<W extends Write> {
  readonly handler: Handler;
  readonly writes: W[];
}

/**
 * Divides a batch into sets such that, applied one after the other, each workspace's writes take effect in their order:
 * where a workspace's next write has another handler, it goes to a later set. Workspaces do not order each other, so
 * the usual batch of one event from many workspaces is one set.
 */
export function stages<W extends Write>(batch: readonly W[], handlerOf: (write: W) => Handler): Stage<W>[] {
  const reached = new Map<string, { depth: number; handler: Handler }>();
  const byDepth: Map<Handler, W[]>[] = [];
  for (const write of batch) {
    const handler = handlerOf(write);
    const lane = laneOf(write);
    const last = reached.get(lane);
    const depth = last === undefined ? 0 : last.handler === handler ? last.depth : last.depth + 1;
    reached.set(lane, { depth, handler });
    const sets = (byDepth[depth] ??= new Map<Handler, W[]>());
    const set = sets.get(handler);
    if (set === undefined) sets.set(handler, [write]);
    else set.push(write);
  }
  return byDepth.flatMap((sets) => [...sets].map(([handler, writes]) => ({ handler, writes })));
}

/** The workspace, within which order counts. */
export function laneOf(write: Write): string {
  return JSON.stringify([write.atsId, write.clientId]);
}
