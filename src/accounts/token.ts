import { createHash, randomBytes } from 'node:crypto';

/** 256 random bits, as they stand in cookies and links. */
export function newToken(): string {
  return randomBytes(32).toString('base64url');
}

/** Unsalted and fast on purpose: a token is 256 random bits. */
export function hashToken(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
