import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';

const DIRECTORY = join(__dirname, '..', 'assets');
const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

export interface Asset {
  readonly type: string;
  readonly body: Buffer;
}

const byName = new Map<string, string>();
const byHashedName = new Map<string, Asset>();
for (const name of readdirSync(DIRECTORY)) {
  const body = readFileSync(join(DIRECTORY, name));
  const extension = extname(name);
  const hash = createHash('sha256').update(body).digest('base64url').slice(0, 12);
  const hashed = `${name.slice(0, -extension.length)}.${hash}${extension}`;
  byName.set(name, `/portal/assets/${hashed}`);
  byHashedName.set(hashed, { type: TYPES[extension] ?? 'application/octet-stream', body });
}

/** Where a file of `portal/assets` is served: its content is part of the name, so it may be kept for ever. */
export function assetUrl(name: string): string {
  const url = byName.get(name);
  if (url === undefined) throw new Error(`There is no file ${name} in portal/assets`);
  return url;
}

export function findAsset(hashedName: string): Asset | undefined {
  return byHashedName.get(hashedName);
}
