import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path/posix';
import ts from 'typescript';

const RUNGS = `
  config events signing errors.ts
  observability
  database http egress
  queue accounts delivery-log rate-limit
  inbox outbox auth
  workspaces uploads dev-receiver
  entities
  candidates vacancies meetings scoring
  applications
  incoming-webhooks internal-events processing delivery feed event-types
  portal/page portal/throttle
  portal/audit portal/endpoint portal/mail portal/received portal/sign-in portal/staff
  portal/configuration portal/deliveries portal/overview portal/profile portal/testing portal/users
  portal/flows portal/links
  portal ops
  reference
  cli
  app.module.ts main.ts cli.ts openapi.ts`;
const RUNG = new Map(
  RUNGS.trim()
    .split('\n')
    .flatMap((names, rung) =>
      names
        .trim()
        .split(' ')
        .map((name) => [name, rung]),
    ),
);
const TOP = RUNG.get('main.ts');
const DRAWER = /(^|\/)(index\.|(utils?|common|shared|helpers?|core|lib)[./])/;
const COMMENTS = /\/\*[^]*?\*\/|(?<=^|\s)\/\/.*$/gm;

type Sources = Readonly<Record<string, string>>;

/** The portal is so large that its folders are rooms themselves. */
const room = (file: string): string => /^(portal\/[^/]+(?=\/)|[^/]+)/.exec(file)![0];
const rung = (file: string): number => RUNG.get(room(file)) ?? NaN;

/** The files that one imports, in any form: types, re-exports, require() and import() too. */
function importsOf(file: string, sources: Sources): string[] {
  const relative = ts
    .preProcessFile(sources[file]!, true, true)
    .importedFiles.filter((i) => i.fileName.startsWith('.'));
  return relative.map(({ fileName }) => {
    const path = join(file, '..', fileName).replace(/\.js$/, '');
    return [`${path}.ts`, `${path}.tsx`].find((name) => name in sources) ?? path;
  });
}

/** Everything that breaks the rules of the house in these files, which are named by their path below src. */
function faults(sources: Sources): string[] {
  const found: string[] = [];
  const visited = new Set<string>();
  const visit = (file: string, path: string[]): void => {
    if (path.includes(file)) found.push(`cycle: ${[...path.slice(path.indexOf(file)), file].join(' > ')}`);
    if (visited.has(file) || !(file in sources)) return;
    visited.add(file);
    if (!RUNG.has(room(file))) found.push(`${file} is in no room of the table`);
    if (DRAWER.test(file)) found.push(`${file} is a barrel or a drawer`);
    if (room(file) !== 'config' && /\bprocess\s*\??\.\s*env\b/.test(sources[file]!.replace(COMMENTS, '')))
      found.push(`${file} reads process.env`);
    for (const imported of importsOf(file, sources)) {
      const boot = rung(file) === TOP && rung(imported) === TOP;
      const migration = room(file) === 'database' && imported.startsWith('../migrations/');
      const allowed = room(imported) === room(file) || rung(imported) < rung(file) || boot || migration;
      if (!allowed) found.push(`${file} imports ${imported}`);
      visit(imported, [...path, file]);
    }
  };
  for (const file of Object.keys(sources)) visit(file, []);
  return found;
}

it('src keeps the rules of the house', () => {
  const root = join(__dirname, '../src');
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) => /\.tsx?$/.test(file));
  const sources = files.map((file) => [file.replaceAll('\\', '/'), readFileSync(join(root, file), 'utf8')]);
  expect(sources.length).toBeGreaterThan(0);
  expect(faults(Object.fromEntries(sources) as Sources)).toEqual([]);
});

const LAWFUL = { 'errors.ts': '', 'outbox/b.ts': `import '../errors'; import '../queue/d'; // not '../cli'` };
it.each<[string, Sources]>([
  ['inbox/a.ts imports outbox/b.ts', { 'inbox/a.ts': `import type { B } from '../outbox/b';` }],
  ['queue/a.ts imports outbox/b.ts', { 'queue/a.ts': `export * from '../outbox/b';` }],
  ['queue/a.ts imports outbox/b.ts', { 'queue/a.ts': `const b = require('../outbox/b');` }],
  ['queue/a.ts imports outbox/b.ts', { 'queue/a.ts': `let b: import('../outbox/b').B;` }],
  ['cli/a.ts imports main.ts', { 'cli/a.ts': `await import('../main');`, 'main.ts': '' }],
  ['queue/a.ts imports ../test/clock', { 'queue/a.ts': `import '../../test/clock';` }],
  ['mail/a.ts is in no room of the table', { 'mail/a.ts': '' }],
  [
    'portal/page/a.tsx imports portal/flows/b.tsx',
    { 'portal/page/a.tsx': `import '../flows/b';`, 'portal/flows/b.tsx': '' },
  ],
  ['portal/other/a.tsx is in no room of the table', { 'portal/other/a.tsx': '' }],
  ['queue/index.ts is a barrel or a drawer', { 'queue/index.ts': '' }],
  ['portal/page/lib/a.tsx is a barrel or a drawer', { 'portal/page/lib/a.tsx': '' }],
  ['queue/a.ts reads process.env', { 'queue/a.ts': 'const url = `http://${process.env.HOST}`;' }],
  ['cycle: queue/a.ts > queue/c.ts > queue/a.ts', { 'queue/a.ts': `import './c';`, 'queue/c.ts': `import './a';` }],
])('refuses: %s', (fault, sources) => {
  expect(faults({ ...LAWFUL, ...sources })).toEqual([fault]);
});
