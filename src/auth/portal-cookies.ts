import { createHmac, timingSafeEqual } from 'node:crypto';
import type { CookieOptions, Request, Response } from 'express';
import type { Env } from '../config/env';

type Cookie = 'session' | 'guest' | 'link';
const TOKEN = /^[A-Za-z0-9_-]{43}$/;

/** Undefined unless it has the form of a token. */
export function readCookie(env: Env, request: Request, cookie: Cookie): string | undefined {
  const token = cookieValue(request, cookieName(env, cookie));
  return token !== undefined && TOKEN.test(token) ? token : undefined;
}

export function setCookie(env: Env, response: Response, cookie: Cookie, token: string): void {
  response.cookie(cookieName(env, cookie), token, cookieOptions(env));
}

export function clearCookie(env: Env, response: Response, cookie: Cookie): void {
  response.clearCookie(cookieName(env, cookie), cookieOptions(env));
}

/** A cookie's value as it was sent; of two with one name, the first. */
export function cookieValue(request: Request, name: string): string | undefined {
  const pairs = (request.headers.cookie ?? '').split(';').map((pair) => pair.trim());
  return pairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1);
}

/** For every cookie of the portal. Lax, so that a link in a mail finds its reader signed in. */
export function cookieOptions(env: Env): CookieOptions {
  return { httpOnly: true, sameSite: 'lax', path: '/', secure: secure(env) };
}

/** What the forms of a session carry: who cannot read the cookie cannot make it. */
export function csrfToken(token: string): string {
  return createHmac('sha256', token).update('portal form').digest('base64url');
}

export function sameToken(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

/** The prefix keeps a neighbouring host from planting a cookie; browsers refuse it without TLS. */
function cookieName(env: Env, cookie: Cookie): string {
  return `${secure(env) ? '__Host-' : ''}portal_${cookie}`;
}

function secure(env: Env): boolean {
  return env.production || env.PUBLIC_URL.startsWith('https:');
}
