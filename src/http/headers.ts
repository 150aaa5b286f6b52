import { isUtf8 } from 'node:buffer';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { invalid, type FieldFault } from '../errors';
import { VISIBLE_ID, VISIBLE_ID_RULE } from './visible-id';

const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,255}$/;
const ASCII = /^[\x00-\x7f]*$/; // eslint-disable-line no-control-regex -- the range is the point

const CLIENT = 'X-ATS-Client-ID';
const USER = 'X-ATS-User-ID';

/** Who an entity operation is for; both values are the ATS's own ids. */
export interface ContextHeaders {
  clientId: string;
  userId: string;
}

/** Reads both context headers. @throws {DomainError} 422 naming each that is missing or malformed. */
export function contextHeaders(req: IncomingMessage): ContextHeaders {
  const faults: FieldFault[] = [];
  const clientId = readId(req, CLIENT, faults);
  const userId = readId(req, USER, faults);
  if (faults.length > 0) throw invalid(faults);
  return { clientId, userId };
}

/** Reads the workspace's header alone, for calls that act for no member (uploads, provisioning, reads). */
export function clientIdHeader(req: IncomingMessage): string {
  const faults: FieldFault[] = [];
  const clientId = readId(req, CLIENT, faults);
  if (faults.length > 0) throw invalid(faults);
  return clientId;
}

export function idempotencyKey(req: IncomingMessage): string | undefined {
  const key = req.headers['idempotency-key'];
  if (key === undefined) return undefined;
  if (typeof key === 'string' && IDEMPOTENCY_KEY.test(key)) return key;
  throw invalid([{ field: 'Idempotency-Key', message: 'must be 1–255 visible ASCII characters' }]);
}

/** Names the version of what is read by an ETag; true, with 304 set, when the caller has it. */
export function isUnchanged(req: IncomingMessage, res: ServerResponse, version: string): boolean {
  const etag = `"${version}"`;
  res.setHeader('ETag', etag);
  if (!isKnown(req, etag)) return false;
  res.statusCode = 304;
  return true;
}

/** Whether `If-None-Match` names this entity tag: a list, compared weakly, or `*` (RFC 9110, 13.1.2). */
export function isKnown(req: IncomingMessage, etag: string): boolean {
  const known = (req.headers['if-none-match'] ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return known.includes(etag) || known.includes('*');
}

function readId(req: IncomingMessage, name: string, faults: FieldFault[]): string {
  const raw = req.headers[name.toLowerCase()];
  if (raw === undefined || raw === '') {
    faults.push({ field: name, message: 'is required' });
    return '';
  }
  const id = decode(String(raw));
  if (!VISIBLE_ID.test(id)) faults.push({ field: name, message: VISIBLE_ID_RULE });
  return id;
}

/** Node hands header bytes over as Latin-1; the ids in bodies are UTF-8, and the same id must be the same string. */
function decode(header: string): string {
  if (ASCII.test(header)) return header;
  const bytes = Buffer.from(header, 'latin1');
  return isUtf8(bytes) ? bytes.toString('utf8') : header;
}
