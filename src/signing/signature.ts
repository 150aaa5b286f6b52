import { createHmac, timingSafeEqual } from 'node:crypto';

/** Seconds that a signature's timestamp may differ from now, in either direction (contract, section 7). */
const TOLERANCE_SECONDS = 300;

// Bounds on what a stranger can make us compare. At most four secrets are live at a time, so an honest header has five
// parts and some 300 characters; a long one is refused whole, so that no valid part can hide behind the cap.
const MAX_HEADER_LENGTH = 4096;
const MAX_PARTS = 16;

const TIMESTAMP = /^\d{1,12}$/;
const HEX_DIGEST = /^[0-9a-f]{64}$/;

/** `malformed`: no usable `t` or `v1`, or over the bounds; `stale`: `t` too far from now; `mismatch`: by none of the secrets. */
export type Verification =
  { valid: true; secretIndex: number } | { valid: false; reason: 'malformed' | 'stale' | 'mismatch' };

/**
 * The `v1` of one secret: lowercase hex of HMAC-SHA256 over `<t>.` and the raw body.
 *
 * @param timestamp whole unix seconds.
 * @throws {RangeError} when the timestamp is not whole: no receiver would accept the header.
 */
export function sign(secret: string, timestamp: number, body: Buffer): string {
  if (!Number.isSafeInteger(timestamp)) throw new RangeError('the timestamp of a signature is whole unix seconds');
  return digest(secret, String(timestamp), body).toString('hex');
}

/**
 * The value of `X-Webhook-Signature`, one `v1` per secret in the order given.
 *
 * Published receiver code keeps the last `v1` only: put the secret that the receiver is thought to hold last.
 */
export function signatureHeader(secrets: readonly string[], timestamp: number, body: Buffer): string {
  return `t=${timestamp}${secrets.map((secret) => `,v1=${sign(secret, timestamp, body)}`).join('')}`;
}

/**
 * Checks a received `X-Webhook-Signature` against every live secret.
 *
 * @param body the raw bytes as received, before any parsing.
 * @param now unix seconds.
 */
export function verify(
  header: string | undefined,
  body: Buffer,
  secrets: readonly string[],
  now: number,
): Verification {
  const parts = parse(header);
  if (!parts) return { valid: false, reason: 'malformed' };
  if (Math.abs(now - Number(parts.timestamp)) > TOLERANCE_SECONDS) return { valid: false, reason: 'stale' };

  // No early exit: the time taken must not tell which secret matched, nor whether one did.
  let secretIndex = -1;
  secrets.forEach((secret, index) => {
    const expected = digest(secret, parts.timestamp, body);
    for (const candidate of parts.digests) {
      if (timingSafeEqual(candidate, expected)) secretIndex = index;
    }
  });
  return secretIndex === -1 ? { valid: false, reason: 'mismatch' } : { valid: true, secretIndex };
}

/** The timestamp stays text: the sender signed those digits, leading zeros included. */
function parse(header: string | undefined): { timestamp: string; digests: Buffer[] } | undefined {
  if (header === undefined || header.length > MAX_HEADER_LENGTH) return undefined;
  const parts = header.split(',', MAX_PARTS + 1);
  if (parts.length > MAX_PARTS) return undefined;

  const timestamps: string[] = [];
  const digests: Buffer[] = [];
  for (const part of parts) {
    const [key, value] = splitOnce(part.trim());
    if (key === 't') timestamps.push(value);
    else if (key === 'v1' && HEX_DIGEST.test(value)) digests.push(Buffer.from(value, 'hex'));
  }
  const [timestamp] = timestamps;
  if (timestamps.length !== 1 || timestamp === undefined || !TIMESTAMP.test(timestamp)) return undefined;
  return digests.length === 0 ? undefined : { timestamp, digests };
}

function splitOnce(part: string): [key: string, value: string] {
  const at = part.indexOf('=');
  return at === -1 ? [part, ''] : [part.slice(0, at), part.slice(at + 1)];
}

// Two updates rather than one concatenation: the body is not copied, and it is signed several times a second.
function digest(secret: string, timestamp: string, body: Buffer): Buffer {
  return createHmac('sha256', secret).update(`${timestamp}.`).update(body).digest();
}
