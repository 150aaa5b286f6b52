import { join } from 'node:path';
import type { Env } from '../config/env';

/** Where stored files lie when no bucket is configured. */
export function storedDirectory(env: Env): string {
  return join(env.DATA_DIR, 'uploads');
}

/** Where files lie while they arrive; below the other, so that storing one is a rename. */
export function incomingDirectory(env: Env): string {
  return join(storedDirectory(env), 'incoming');
}
