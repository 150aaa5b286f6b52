import type { OutgoingAttempt } from '../delivery-log/delivery-log.service';

/** What became of one attempt; remote trouble is a value, never an exception. */
export type Outcome =
  | {
      readonly kind: 'answer';
      readonly statusCode: number;
      /** Allow-listed, lower-case names. */
      readonly headers: Record<string, string>;
      /** The first 64 KiB. */
      readonly body: string;
    }
  | { readonly kind: 'no_answer'; readonly fault: Fault };

/** Named after what the owner of the endpoint can do something about. */
export type Fault = 'timeout' | 'dns' | 'tls' | 'connection' | 'address_refused';

/** An outcome as the delivery log keeps it. */
export type RecordedOutcome = Pick<
  OutgoingAttempt,
  'outcome' | 'statusCode' | 'error' | 'responseHeaders' | 'responseBody'
>;

export function recorded(outcome: Outcome): RecordedOutcome {
  if (outcome.kind === 'no_answer') {
    return { outcome: 'error', statusCode: null, error: outcome.fault, responseHeaders: {}, responseBody: null };
  }
  const { statusCode, headers, body } = outcome;
  const success = statusCode >= 200 && statusCode < 300;
  return {
    outcome: success ? 'success' : 'failure',
    statusCode,
    error: null,
    responseHeaders: headers,
    responseBody: body,
  };
}

const DNS = /^(ENOTFOUND|EAI_)/;
const TLS = /^(CERT_|DEPTH_|ERR_TLS|ERR_SSL|SELF_SIGNED|UNABLE_TO_|EPROTO|HOSTNAME_MISMATCH)/;
const TIMEOUT = /^(UND_ERR_(CONNECT|HEADERS|BODY)_TIMEOUT|ETIMEDOUT|ABORT_ERR)$/;

/** Why a request failed without an answer. By what the error says of itself: it may come from another realm. */
export function faultOf(error: unknown): Fault {
  const { name, code } = (error ?? {}) as { name?: unknown; code?: unknown };
  const text = String(code);
  if (name === 'TimeoutError' || TIMEOUT.test(text)) return 'timeout';
  if (text === 'address_refused') return 'address_refused';
  if (DNS.test(text)) return 'dns';
  return TLS.test(text) ? 'tls' : 'connection';
}
