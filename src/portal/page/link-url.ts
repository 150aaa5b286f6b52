import type { Env } from '../../config/env';

/** Where a single-use link leads; opening it moves the token from the address into a cookie at once. */
export function linkUrl(env: Env, token: string): string {
  return `${env.PUBLIC_URL}/portal/link/${token}`;
}
