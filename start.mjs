// Builds the gateway if its source changed since the last build, then runs it in this very process, so that signals
// reach it directly:  node start.mjs <main|cli> [arguments…]      node start.mjs --build-only
//
// A build lies in `.build/<hash of its inputs>` and never changes, whatever is built beneath a running server or CLI.
// Standard output belongs to the program (`--json`); everything said here goes to standard error.
import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import process from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';

const OLDEST_NODE = [20, 19];
const KEPT_BUILDS = 3;
const ABANDONED_AFTER_MS = 3_600_000;

const project = dirname(fileURLToPath(import.meta.url));
const builds = join(project, '.build');
const users = join(builds, 'users');
const compiler = join(project, 'node_modules', 'typescript', 'bin', 'tsc');

class Refusal extends Error {}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])) return;
  throw new Refusal(`Node ${OLDEST_NODE.join('.')} or newer is needed; this is ${process.versions.node}.`);
}

function filesBelow(directory) {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    return entry.isDirectory() ? filesBelow(path) : [path];
  });
}

/** By content: a checkout or a copy changes times without changing anything else. */
function hashInputs() {
  const top = readdirSync(project).filter((n) => /^(tsconfig.*\.json|package-lock\.json|start\.mjs)$/.test(n));
  const folders = ['src', 'migrations'].map((name) => join(project, name)).filter((path) => existsSync(path));
  const hash = createHash('sha256');
  for (const file of [...top.map((name) => join(project, name)), ...folders.flatMap(filesBelow)].sort()) {
    const content = readFileSync(file);
    hash.update(`${relative(project, file).split(sep).join('/')}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex').slice(0, 20);
}

function build() {
  for (let tries = 1; ; tries++) {
    const hash = hashInputs();
    const target = join(builds, hash);
    if (existsSync(target)) return target;
    if (!existsSync(compiler)) throw new Refusal('The compiler is missing; run "npm ci" first.');
    const draft = join(builds, `draft-${process.pid}-${randomBytes(4).toString('hex')}`);
    try {
      compile(draft);
      copyAssets(draft);
      // Saved while it was compiling: what the draft holds is not what its name would say.
      if (hashInputs() !== hash && tries < 5) continue;
      publish(draft, target);
      return target;
    } finally {
      rmSync(draft, { recursive: true, force: true });
    }
  }
}

function compile(draft) {
  process.stderr.write('Building …\n');
  mkdirSync(draft, { recursive: true });
  const args = [compiler, '-p', join(project, 'tsconfig.build.json'), '--outDir', draft, '--noEmitOnError'];
  // Both of its outputs go to standard error.
  const { status, error } = spawnSync(process.execPath, args, { cwd: project, stdio: ['ignore', 2, 2] });
  if (error) throw error;
  if (status !== 0) throw new Refusal('The build failed.');
}

function copyAssets(draft) {
  for (const file of filesBelow(join(project, 'src'))) {
    if (/\.tsx?$/.test(file)) continue;
    const target = join(draft, relative(project, file));
    mkdirSync(dirname(target), { recursive: true });
    copyFileSync(file, target);
  }
}

function publish(draft, target) {
  try {
    renameSync(draft, target);
  } catch (error) {
    // Another process built the same meanwhile.
    if (!existsSync(target)) throw error;
  }
}

/** Notes that this process uses the build, until it ends. */
function occupy(target) {
  const note = join(users, `${relative(builds, target)}.${process.pid}`);
  const now = new Date();
  utimesSync(target, now, now);
  mkdirSync(users, { recursive: true });
  writeFileSync(note, '');
  process.once('exit', () => rmSync(note, { force: true }));
}

function isAlive(pid) {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function prune() {
  const notes = readdirSync(users);
  const [gone, held] = [notes.filter((n) => !isAlive(pidOf(n))), notes.filter((n) => isAlive(pidOf(n)))];
  for (const note of gone) rmSync(join(users, note), { force: true });
  const inUse = new Set(held.map((note) => note.split('.')[0]));
  const rest = readdirSync(builds).filter((name) => name !== 'users');
  const age = (name) => Date.now() - (statSync(join(builds, name), { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
  const [drafts, complete] = [rest.filter((n) => n.startsWith('draft-')), rest.filter((n) => !n.startsWith('draft-'))];
  const old = complete.sort((a, b) => age(a) - age(b)).slice(KEPT_BUILDS);
  // A draft whose process lives may be in the making; the number may also be another process's by now.
  const abandoned = drafts.filter((n) => !isAlive(Number(n.split('-')[1])) || age(n) > ABANDONED_AFTER_MS);
  for (const name of [...abandoned, ...old.filter((n) => !inUse.has(n))]) {
    rmSync(join(builds, name), { recursive: true, force: true });
  }
}

function pidOf(note) {
  return Number(note.split('.')[1]);
}

function prepare() {
  checkNode();
  const target = build();
  try {
    occupy(target);
    prune();
  } catch {
    // Tidiness only: another user's builds can be run without being allowed to touch them.
  }
  return target;
}

const [entry, ...args] = process.argv.slice(2);
try {
  if (entry === '--build-only') {
    process.stdout.write(`${prepare()}\n`);
  } else if (entry === undefined || !existsSync(join(project, 'src', `${entry}.ts`))) {
    throw new Refusal('Usage: node start.mjs <main|cli> [arguments…], or node start.mjs --build-only');
  } else {
    const program = join(prepare(), 'src', `${entry}.js`);
    process.argv = [process.argv[0], program, ...args];
    await import(pathToFileURL(program).href);
  }
} catch (error) {
  if (!(error instanceof Refusal)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}
