import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Env } from '../config/env';

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const MAX_OPENED = 10_000;

/** Seals webhook secrets with AES-256-GCM: nonce, tag, ciphertext. */
export class SecretBox {
  /** Opening costs as much as signing; what was opened a moment ago is asked for again by every message. */
  private readonly opened = new Map<string, string>();

  /** @param key 32 bytes */
  constructor(private readonly key: Buffer) {}

  seal(secret: string): Buffer {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.key, nonce);
    const text = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()]);
    return Buffer.concat([nonce, cipher.getAuthTag(), text]);
  }

  /** @throws Error when the box was sealed with another `ENCRYPTION_KEY`. */
  open(sealed: Buffer): string {
    const id = sealed.toString('latin1');
    const known = this.opened.get(id);
    if (known !== undefined) return known;
    const secret = this.decipher(sealed);
    if (this.opened.size >= MAX_OPENED) this.opened.clear();
    this.opened.set(id, secret);
    return secret;
  }

  private decipher(sealed: Buffer): string {
    const decipher = createDecipheriv('aes-256-gcm', this.key, sealed.subarray(0, NONCE_BYTES));
    decipher.setAuthTag(sealed.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
    try {
      return decipher.update(sealed.subarray(NONCE_BYTES + TAG_BYTES), undefined, 'utf8') + decipher.final('utf8');
    } catch {
      throw new Error('A webhook secret was sealed with another ENCRYPTION_KEY; start with the key that sealed it');
    }
  }
}

/** The key of the settings, or in development one that is made once and kept in `DATA_DIR`. */
export function encryptionKey(env: Env): Buffer {
  if (env.ENCRYPTION_KEY !== undefined) {
    return Buffer.from(env.ENCRYPTION_KEY, env.ENCRYPTION_KEY.length === 64 ? 'hex' : 'base64');
  }
  const path = join(env.DATA_DIR, 'encryption-key');
  mkdirSync(env.DATA_DIR, { recursive: true });
  try {
    // Of several processes that start at once, the first one's key counts.
    writeFileSync(path, randomBytes(32).toString('hex'), { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return Buffer.from(readFileSync(path, 'utf8').trim(), 'hex');
}
