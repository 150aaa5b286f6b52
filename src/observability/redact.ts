import { types } from 'node:util';

const SECRET_KEY = /secret|password|authorization|cookie|^x-api-key$|^api_?key$|^x-webhook-signature$/i;
const CENSORED = '[redacted]';
const MAX_DEPTH = 6;

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function redactValue(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return depth === 0 ? '[…]' : value.map((item) => redactValue(item, depth - 1));
  if (!isPlain(value)) return value;
  return depth === 0 ? '{…}' : redactFields(value, depth - 1);
}

/** Copies only what has something to hide: most lines have nothing, and there are many. */
function redactFields(fields: object, depth: number): object {
  let kept = fields as Record<string, unknown>;
  for (const [key, value] of Object.entries(fields)) {
    const shown: unknown = SECRET_KEY.test(key) ? CENSORED : redactValue(value, depth);
    if (shown === value) continue;
    if (kept === fields) kept = { ...kept };
    kept[key] = shown;
  }
  return kept;
}

/** A log line's fields without the values of keys that name a secret, at any depth that is printed. */
export function redact(fields: object): Record<string, unknown> {
  return redactFields(fields, MAX_DEPTH) as Record<string, unknown>;
}

/**
 * What the log keeps of an error. Only these members, because drivers hang whole statements, their parameters and
 * rows (payloads, key hashes) on the errors they throw.
 */
export interface LoggedError {
  type: string;
  message: string;
  code?: string;
  stack?: string;
  cause?: LoggedError;
}

export function describeError(error: unknown, depth = 3): LoggedError {
  if (!types.isNativeError(error)) return { type: typeof error, message: String(error) };
  const { code, errors } = error as { code?: unknown; errors?: unknown };
  // Node reports "no address of this host answered" as an AggregateError without a message of its own.
  const first: unknown = error.cause ?? (Array.isArray(errors) ? errors[0] : undefined);
  return {
    type: error.name,
    message: error.message,
    ...(typeof code === 'string' && { code }),
    stack: error.stack,
    ...(first !== undefined && depth > 0 && { cause: describeError(first, depth - 1) }),
  };
}
