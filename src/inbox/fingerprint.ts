import { createHash } from 'node:crypto';
import { canonicalJson } from '../http/json';

/** What must be equal for two requests to be repetitions of each other: method, path, and the body as JSON values. */
export function fingerprint(method: string, path: string, body: unknown): Buffer {
  return createHash('sha256').update(`${method} ${path}\n`).update(canonicalJson(body)).digest();
}
