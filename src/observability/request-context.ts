import { AsyncLocalStorage } from 'node:async_hooks';
import { uuidv7 } from 'uuidv7';

/** What one unit of work knows of itself; `fields` end up on its wide log line. */
export interface RequestContext {
  readonly requestId: string;
  readonly fields: Record<string, unknown>;
}

const ADMISSIBLE_ID = /^[A-Za-z0-9._-]{1,64}$/;
const storage = new AsyncLocalStorage<RequestContext>();

/** The caller's id when it is harmless in a log and in a header, otherwise a new one. */
export function requestIdFrom(header: string | string[] | undefined): string {
  return typeof header === 'string' && ADMISSIBLE_ID.test(header) ? header : uuidv7();
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
