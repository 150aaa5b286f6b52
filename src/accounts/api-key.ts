import { hash, randomBytes } from 'node:crypto';

/** A new key: 32 random bytes, shown once and kept as its hash. */
export function generateApiKey(): string {
  return `carv_${randomBytes(32).toString('base64url')}`;
}

/** Unsalted and fast on purpose: the key itself is 256 random bits, and the hash is looked up on every request. */
export function hashApiKey(key: string): Buffer {
  return hash('sha256', key, 'buffer');
}
