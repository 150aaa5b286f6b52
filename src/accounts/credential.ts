/** What proved who is calling. Caches may be stale, so the statements that accept and read judge it again. */
export type Credential =
  | { readonly kind: 'api-key'; readonly hash: Buffer }
  | { readonly kind: 'webhook-secret'; readonly id: string }
  /** One of Carv's own services: of the account only counts that it is enabled. */
  | { readonly kind: 'internal' };

/** The account that proved itself, and by what. */
export interface Caller {
  readonly atsId: string;
  readonly credential: Credential;
}

/** To begin a reading statement with: one row while the caller's key still counts; $1 and $2 are `readerColumns`. */
export const READER = '(select ats_id from account where ats_id = $1 and api_key_hash = $2 and enabled) reader';

/**
 * For whom the portal's guard let in, having judged the session in the same request: no key is asked for. Nothing else may
 * call it; a caller of the API has a `Caller`.
 */
export function signedInColumns(atsId: string): [atsId: string, apiKeyHash: null, signedIn: true] {
  return [atsId, null, true];
}

export function readerColumns(caller: Caller): [atsId: string, apiKeyHash: Buffer | null] {
  return [caller.atsId, caller.credential.kind === 'api-key' ? caller.credential.hash : null];
}
