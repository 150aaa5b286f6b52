import type { Request } from 'express';
import { DomainError } from '../errors';

const FORM = /^application\/x-www-form-urlencoded\s*(;\s*charset="?utf-8"?\s*)?$/i;
const MAX_FIELDS = 100;

/** The fields of a posted form. @throws {DomainError} 415 for another content type, 400 for what no browser sends */
export function readForm(req: Request): URLSearchParams {
  if (!FORM.test(req.headers['content-type'] ?? '')) {
    throw new DomainError('unsupported_media_type', 'Content-Type must be application/x-www-form-urlencoded');
  }
  const form = new URLSearchParams(req.rawBody.toString('utf8'));
  if (form.size > MAX_FIELDS) throw new DomainError('malformed', 'The form has too many fields');
  // PostgreSQL's text holds no NUL.
  for (const value of form.values())
    if (value.includes('\0')) throw new DomainError('malformed', 'The form holds a NUL');
  return form;
}
