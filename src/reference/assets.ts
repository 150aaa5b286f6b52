import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export interface Asset {
  readonly type: string;
  readonly content: Buffer;
}

const SWAGGER_UI = dirname(require.resolve('swagger-ui-dist/package.json'));
const OWN = join(__dirname, 'page');

const FILES = {
  'swagger-ui.css': [SWAGGER_UI, 'text/css; charset=utf-8'],
  'swagger-ui-bundle.js': [SWAGGER_UI, 'text/javascript; charset=utf-8'],
  'favicon-32x32.png': [SWAGGER_UI, 'image/png'],
  'docs.css': [OWN, 'text/css; charset=utf-8'],
  'docs.js': [OWN, 'text/javascript; charset=utf-8'],
} as const;

export type AssetName = keyof typeof FILES;

/** The files of the page, by name; all of them stand on this machine, so the page needs no other. */
export function readAssets(): ReadonlyMap<string, Asset> {
  const files = Object.entries(FILES);
  return new Map(files.map(([name, [folder, type]]) => [name, { type, content: readFileSync(join(folder, name)) }]));
}

/** Names these very contents: in their addresses, so that caches may keep them for good. */
export function versionOf(assets: ReadonlyMap<string, Asset>): string {
  const hash = createHash('sha256');
  for (const { content } of assets.values()) hash.update(content);
  return hash.digest('hex').slice(0, 16);
}
