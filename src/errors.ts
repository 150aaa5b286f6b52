/** One failed rule on one field; `field` is a dotted path into the body, or the name of a header or query parameter. */
export interface FieldFault {
  field: string;
  message: string;
}

/** What a caller may be told: every kind the gateway answers with, and its HTTP status (contract, section 3). */
const STATUS = {
  malformed: 400,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  timeout: 408,
  conflict: 409,
  gone: 410,
  too_large: 413,
  unsupported_media_type: 415,
  invalid: 422,
  rate_limited: 429,
  unavailable: 503,
} as const;

export type ErrorKind = keyof typeof STATUS;

/**
 * A fault that is the caller's to know about. Its message is shown to the caller as `detail`, so it never holds a
 * secret, a stack or anything of another account. Anything else that is thrown is a bug and answers 500.
 */
export class DomainError extends Error {
  readonly status: number;

  constructor(
    readonly kind: ErrorKind,
    detail: string,
    readonly faults: readonly FieldFault[] = [],
    /** Seconds, sent as `Retry-After`. */
    readonly retryAfter?: number,
    /** What this kind of refusal tells beside the members that all have (RFC 9457, 3.2). */
    readonly members: Readonly<Record<string, string>> = {},
  ) {
    super(detail);
    this.name = 'DomainError';
    this.status = STATUS[kind];
  }
}

/** The one answer to every failed API key, so that it tells nothing about which part was wrong. */
export function unauthorized(): DomainError {
  return new DomainError('unauthorized', 'Invalid or missing API key');
}

/** The same for webhooks: a bad or stale signature, an unknown or disabled account. */
export function badSignature(): DomainError {
  return new DomainError('unauthorized', 'Invalid or missing webhook signature');
}

/** The gate: entities live in a workspace, and this client has none. */
export function unprovisioned(): DomainError {
  return new DomainError('conflict', 'This client has no workspace yet; provision it with POST /v1/workspaces');
}

/** A refusal that names each field once; `detail` is the list in words. */
export function invalid(faults: readonly FieldFault[]): DomainError {
  return new DomainError('invalid', faults.map((f) => `${f.field} ${f.message}`).join('; '), faults);
}

/** @param retryIn seconds */
export function rateLimited(retryIn: number): DomainError {
  return new DomainError('rate_limited', 'This account has sent too many requests; please slow down', [], retryIn);
}

/** The database did not answer: the write is not known to be accepted; repeating it with the same key is safe. */
export function unavailable(): DomainError {
  return new DomainError('unavailable', 'The gateway cannot reach its database right now; please try again', [], 2);
}
