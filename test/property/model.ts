/** One write as an ATS means it, whichever way it is sent. */
export interface ModelWrite {
  readonly name: 'candidate' | 'vacancy' | 'application';
  readonly verb: 'created' | 'updated' | 'deleted';
  readonly id: string;
  readonly fields: Record<string, unknown>;
}

export interface ModelResult {
  readonly event: string;
  /** The error's code, or null. */
  readonly code: string | null;
  readonly data: object;
}

/** What the contract says a workspace is: its entities, and the one result of each write. */
export class Model {
  readonly entities = new Map<string, Record<string, unknown>>();

  write({ name, verb, id, fields }: ModelWrite): ModelResult {
    const key = `${name} ${id}`;
    const before = this.entities.get(key);
    const ids = { [`${name}_id`]: id };
    const fail = (code: string): ModelResult => ({ event: `${name}.${verb}`, code, data: ids });
    if (before === undefined && verb !== 'created') return fail('not_found');
    if (verb === 'deleted') {
      this.entities.delete(key);
      return { event: `${name}.deleted`, code: null, data: ids };
    }
    if (name === 'application') {
      for (const other of ['candidate', 'vacancy']) {
        const named = fields[`${other}_id`];
        if (named !== undefined && !this.entities.has(`${other} ${named as string}`)) return fail(`unknown_${other}`);
      }
    }
    const given = { ...ids, ...fields };
    const data = verb === 'created' ? withoutNulls(given) : (merge(before, given) as Record<string, unknown>);
    this.entities.set(key, data);
    return { event: `${name}.${before === undefined ? 'created' : 'updated'}`, code: null, data };
  }
}

function withoutNulls(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null));
}

/** RFC 7396, as it stands there. */
function merge(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const known = typeof target === 'object' && target !== null && !Array.isArray(target) ? target : {};
  const result = new Map<string, unknown>(Object.entries(known));
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) result.delete(key);
    else result.set(key, merge(result.get(key), value));
  }
  return Object.fromEntries(result);
}
