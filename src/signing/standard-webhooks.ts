import { createHmac, randomBytes } from 'node:crypto';

const PREFIX = 'whsec_';
const SECRET_BYTES = 32;
/** Base64 of 32 bytes is 43 characters and one `=`. */
const GENERATED_SECRET = /^whsec_[A-Za-z0-9+/]{43}=$/;

/** The headers of the Standard Webhooks specification, beside our own `X-Webhook-Signature`. */
export interface StandardWebhookHeaders {
  'webhook-id': string;
  'webhook-timestamp': string;
  'webhook-signature': string;
}

/** A new webhook secret, in the form that Standard Webhooks libraries take as it is. */
export function generateSecret(): string {
  return PREFIX + randomBytes(SECRET_BYTES).toString('base64');
}

/**
 * One `v1,<base64>` per secret, separated by spaces; those libraries accept any one of them.
 *
 * @param timestamp whole unix seconds, the same as in `X-Webhook-Signature`.
 */
export function standardWebhookHeaders(
  eventId: string,
  secrets: readonly string[],
  timestamp: number,
  body: Buffer,
): StandardWebhookHeaders {
  const head = `${eventId}.${timestamp}.`;
  const signatures = secrets.map(
    (secret) => `v1,${createHmac('sha256', key(secret)).update(head).update(body).digest('base64')}`,
  );
  return {
    'webhook-id': eventId,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': signatures.join(' '),
  };
}

/** A secret of any other form was chosen by a person and is taken literally, even one that begins with the prefix. */
function key(secret: string): Buffer {
  return GENERATED_SECRET.test(secret)
    ? Buffer.from(secret.slice(PREFIX.length), 'base64')
    : Buffer.from(secret, 'utf8');
}
