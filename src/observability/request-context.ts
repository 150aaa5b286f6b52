import { AsyncLocalStorage } from 'node:async_hooks';
import { uuidv7 } from 'uuidv7';

/** What one unit of work knows of itself; `fields` end up on its wide log line. */
export interface RequestContext {
  readonly requestId: string;
  readonly fields: Record<string, unknown>;
}

const ADMISSIBLE_ID = /^[A-Za-z0-9._-]{1,64}$/;
const storage = new AsyncLocalStorage<RequestContext>();
let requests = 0;

/** The caller's id when it is harmless in a log and in a header, otherwise a new one. */
export function requestIdFrom(header: string | string[] | undefined): string {
  return typeof header === 'string' && ADMISSIBLE_ID.test(header) ? header : uuidv7();
}

/** Begins a request; `endRequest` must follow. */
export function beginRequest(context: RequestContext, work: () => void): void {
  requests++;
  storage.run(context, work);
}

/**
 * The last request of a process takes the bookkeeping of contexts with it: before Node 24 that is a hook on every promise, a
 * tenth of the processor time of a worker, which has no use for it once somebody has asked for its health.
 */
export function endRequest(): void {
  if (--requests === 0) storage.disable();
}

export function runInContext<T>(context: RequestContext, work: () => T): T {
  return storage.run(context, work);
}

/** Undefined outside a unit of work, such as at boot. */
export function currentContext(): RequestContext | undefined {
  return storage.getStore();
}

/** Adds fields to the wide line of the work in progress; outside of any it does nothing. */
export function annotate(fields: Record<string, unknown>): void {
  const context = storage.getStore();
  if (context) Object.assign(context.fields, fields);
}
