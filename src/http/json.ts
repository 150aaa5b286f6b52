import { isUtf8 } from 'node:buffer';
import { DomainError, invalid, type FieldFault } from '../errors';
import { MAX_FAULTS, fieldPath } from './field-path';

declare global {
  interface String {
    /** Of ES2024; Node 20 has it, the ES2023 library that we compile against does not. */
    isWellFormed(): boolean;
  }
}

const MAX_DEPTH = 64;

/**
 * Reads JSON that the rest of the gateway can store and repeat exactly. A leading byte order mark is tolerated.
 *
 * @throws {DomainError} `malformed` for what is not UTF-8 or not JSON; `invalid`, naming the places, for NUL, lone
 * surrogates, more than 64 levels and numbers that a double cannot hold.
 */
export function parseJson(raw: Buffer): unknown {
  if (!isUtf8(raw)) throw new DomainError('malformed', 'The body is not valid UTF-8');
  const value = parse(raw.toString('utf8', hasByteOrderMark(raw) ? 3 : 0));
  const faults: FieldFault[] = [];
  inspect(value, '', 0, faults);
  if (faults.length > 0) throw invalid(faults);
  return value;
}

/** JSON's own objects, and the instances we build from them; not arrays. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * JSON with sorted keys and no spaces (RFC 8785), equal for equal values however they were written. For values that
 * `parseJson` admits; undefined members are left out, as `JSON.stringify` does.
 */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (!isObject(value)) return value === undefined ? 'null' : JSON.stringify(value);
  // The default order of sort() is by UTF-16 code units, the RFC's.
  const members = Object.keys(value)
    .filter((key) => value[key] !== undefined)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key])}`);
  return `{${members.join(',')}}`;
}

/** JSON Merge Patch (RFC 7396); neither argument is changed, and an undefined member of the patch is an absent one. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  // A map and fromEntries: assigning to the key `__proto__` would set the prototype instead.
  const merged = new Map<string, unknown>(isObject(target) ? Object.entries(target) : []);
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) merged.delete(key);
    else if (value !== undefined) merged.set(key, mergePatch(merged.get(key), value));
  }
  return Object.fromEntries(merged);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new DomainError('malformed', 'The body is not valid JSON');
  }
}

function hasByteOrderMark(raw: Buffer): boolean {
  return raw[0] === 0xef && raw[1] === 0xbb && raw[2] === 0xbf;
}

/** The depth is checked before going deeper, so recursion is bounded whatever was sent. */
function inspect(value: unknown, path: string, depth: number, faults: FieldFault[]): void {
  if (typeof value === 'string') add(faults, path, textFault(value));
  else if (typeof value === 'number') add(faults, path, numberFault(value));
  else if (typeof value === 'object' && value !== null) inspectMembers(value, path, depth, faults);
}

function inspectMembers(parent: object, path: string, depth: number, faults: FieldFault[]): void {
  if (depth === MAX_DEPTH) {
    add(faults, path, `must not be nested more than ${MAX_DEPTH} levels deep`);
    return;
  }
  for (const [key, value] of Object.entries(parent)) {
    if (faults.length >= MAX_FAULTS) return;
    const here = fieldPath(path, key);
    const nameFault = textFault(key);
    if (nameFault !== undefined) add(faults, here, `has a name that ${nameFault}`);
    inspect(value, here, depth + 1, faults);
  }
}

function textFault(text: string): string | undefined {
  if (text.includes('\0')) return 'must not contain NUL characters';
  return text.isWellFormed() ? undefined : 'must be well-formed Unicode';
}

function numberFault(value: number): string | undefined {
  if (!Number.isFinite(value)) return 'must be sent as a string: it is too large for a number';
  return Number.isInteger(value) && !Number.isSafeInteger(value)
    ? 'must be sent as a string: it would lose digits'
    : undefined;
}

function add(faults: FieldFault[], path: string, message: string | undefined): void {
  if (message !== undefined) faults.push({ field: path || 'body', message });
}
