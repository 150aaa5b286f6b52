import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  open,
  readFile,
  readdir,
  realpath,
  rename,
  rm,
  rmdir,
  stat,
  symlink,
} from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { type Account, chooseAccount, closedDirectories, giveTo, runAs } from './postgres-account';
import { type Binaries, complaint, exists, programEnv } from './postgres-binaries';

const run = promisify(execFile);

/** The role that owns everything in an embedded cluster. */
export const ROLE = 'gateway';

const DRAFT = 'initdb-';
const DRAFT_LIFE_MS = 3_600_000;

/** Where an embedded cluster and its files lie; all paths are absolute and free of symbolic links. */
export interface Site {
  /** `<dataDir>/postgres` */
  readonly root: string;
  /** Holds `data` and `password`, which thereby come into being together or not at all. */
  readonly cluster: string;
  readonly data: string;
  readonly password: string;
  readonly log: string;
  /** Set when the server runs as another account than this process, which then is root. */
  readonly account: Account | undefined;
}

/** Where root keeps the clusters of data directories that the server's account cannot reach. */
const ELSEWHERE = '/var/lib/ats-gateway';

/**
 * Makes `<dataDir>/postgres` and sees to it that the server's account can pass every directory above it. Where it
 * cannot, as in root's home, a new cluster lies under `/var/lib` and `<dataDir>/postgres` is a link to it.
 *
 * @throws Error that names the directories to open.
 */
export async function prepareSite(dataDir: string, onProgress: (message: string) => void): Promise<Site> {
  const wanted = join(resolve(dataDir), 'postgres');
  const created = await mkdir(wanted, { recursive: true }).catch((e: unknown) => {
    const advice = 'Set DATA_DIR to a directory that this user may write, or set DATABASE_URL.';
    throw new Error(`The embedded database needs a place: ${(e as Error).message}. ${advice}`);
  });
  const root = await realpath(wanted);
  const cluster = join(root, 'cluster');
  const data = join(cluster, 'data');
  const account = await chooseAccount(data);
  const site = { root, cluster, data, password: join(cluster, 'password'), log: join(root, 'server.log'), account };
  if (!account) return site;

  // Those made here may be passed, whatever the umask; those that were there are their owner's to open.
  if (created !== undefined) {
    const top = await realpath(created);
    for (let d = root; d.length >= top.length; d = dirname(d)) await chmod(d, 0o755);
  } else await chmod(root, 0o755);
  const closed = await closedDirectories(root, account);
  if (closed.length === 0) return site;
  if (!(await moveElsewhere(wanted))) throw unreachable(root, account, closed);
  onProgress(`"${account.name}" may not pass ${closed.join(', ')}, so the database lies below ${ELSEWHERE}`);
  return prepareSite(dataDir, onProgress);
}

/** False when there is a cluster already, which must not be hidden, or when nothing can be made elsewhere. */
async function moveElsewhere(wanted: string): Promise<boolean> {
  if ((await lstat(wanted)).isSymbolicLink()) return false;
  await mkdir(ELSEWHERE, { recursive: true, mode: 0o755 }).catch(() => undefined);
  const place = await mkdtemp(join(ELSEWHERE, 'data-')).catch(() => undefined);
  if (place === undefined) return false;
  await chmod(place, 0o755);
  const link = `${wanted}-${basename(place)}`;
  await symlink(place, link);
  try {
    // Only an empty directory goes.
    await rmdir(wanted);
    await rename(link, wanted);
    return true;
  } catch (e) {
    await rm(link, { force: true });
    await rmdir(place);
    // Otherwise another starter is at it too, and one link will stand.
    return (e as NodeJS.ErrnoException).code !== 'ENOTEMPTY';
  }
}

function unreachable(root: string, account: Account, closed: readonly string[]): Error {
  return new Error(
    `The embedded PostgreSQL cannot reach ${root}: started by root it runs as "${account.name}", which may not pass ` +
      `${closed.join(', ')}. Run "chmod o+x ${closed.join(' ')}", or set DATA_DIR to a directory that every user can ` +
      'pass (for example DATA_DIR=/var/lib/ats-gateway), or start as an ordinary user, or set DATABASE_URL.',
  );
}

/**
 * Makes the cluster unless it exists. Any number of processes may try at once: one of them succeeds and the others
 * find the result. What a killed attempt leaves is never taken for a cluster, only its finished draft is renamed.
 */
export async function ensureCluster(site: Site, binaries: Binaries, onProgress: (m: string) => void): Promise<void> {
  if (await exists(site.cluster)) return checkVersion(site, binaries);
  onProgress(`Creating the embedded database in ${site.root}`);
  const draft = join(site.root, `${DRAFT}${process.pid}-${randomBytes(4).toString('hex')}`);
  try {
    await fillDraft(draft, site.account, binaries);
    await moveInPlace(draft, site.cluster);
  } catch (e) {
    await rm(draft, { recursive: true, force: true });
    if (!(await exists(site.cluster))) throw e;
  }
}

async function fillDraft(draft: string, account: Account | undefined, binaries: Binaries): Promise<void> {
  const data = join(draft, 'data');
  const secret = join(draft, 'initdb-password');
  const password = randomBytes(24).toString('hex');
  await mkdir(draft, { mode: 0o700 });
  if (account) await chmod(draft, 0o711);
  await mkdir(data, { mode: 0o700 });
  await giveTo(account, data).catch((e: unknown) => {
    throw new Error(
      `${(e as Error).message}: this file system keeps no owners. Set DATA_DIR to a local disk, or set DATABASE_URL.`,
    );
  });
  // Two files: the server's account reads its own for a moment, the one that stays belongs to whoever runs the gateway.
  await writeDurably(join(draft, 'password'), password);
  await writeDurably(secret, password);
  await giveTo(account, secret);
  const args = ['-D', data, '-U', ROLE, `--pwfile=${secret}`, '--auth=scram-sha-256', '--encoding=UTF8', '--locale=C'];
  // Sorts as C does, yet lower() and upper() know letters beyond ASCII; part of PostgreSQL, so alike on every system.
  args.push('--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--no-instructions');
  const options = { ...runAs(account), cwd: dirname(binaries.initdb), env: programEnv(), windowsHide: true };
  await run(binaries.initdb, args, options).catch((e: unknown) => {
    throw new Error(
      `initdb could not make the embedded database in ${dirname(draft)}:\n${complaint(e)}\n` +
        'Free disk space or fix what it names, set DATA_DIR to a local disk, or set DATABASE_URL.',
    );
  });
  await rm(secret);
  await syncDirectory(draft);
}

async function moveInPlace(draft: string, cluster: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await rename(draft, cluster);
      await syncDirectory(dirname(cluster));
      return;
    } catch (e) {
      // Windows: a virus scanner may hold a new file open for a moment.
      if (process.platform !== 'win32' || tries === 20 || (await exists(cluster))) throw e;
      await new Promise((wake) => setTimeout(wake, 100));
    }
  }
}

async function checkVersion(site: Site, binaries: Binaries): Promise<void> {
  const major = (await readFile(join(site.data, 'PG_VERSION'), 'utf8').catch(explainUnreadable(site))).trim();
  if (major === binaries.major) return;
  throw new Error(
    `${site.data} was made by PostgreSQL ${major}, but PostgreSQL ${binaries.major} is installed. Move it away, ` +
      'install the gateway version that made it, or set DATABASE_URL.',
  );
}

export async function readPassword(site: Site): Promise<string> {
  return readFile(site.password, 'utf8').catch(explainUnreadable(site));
}

function explainUnreadable(site: Site): (e: NodeJS.ErrnoException) => never {
  return (e) => {
    const advice =
      e.code === 'EACCES'
        ? 'It belongs to another user: start as that user, or set DATA_DIR to a directory of your own.'
        : `The cluster in ${site.cluster} is incomplete: restore it, or move it away to begin with an empty one.`;
    throw new Error(`${e.message}. ${advice}`);
  };
}

/** Removes what killed attempts left behind, sparing those of living processes. */
export async function removeOldDrafts(site: Site): Promise<void> {
  for (const name of await readdir(site.root)) {
    const pid = Number(new RegExp(`^${DRAFT}(\\d+)-`).exec(name)?.[1]);
    if (!pid) continue;
    const path = join(site.root, name);
    const age =
      Date.now() -
      (await stat(path).then(
        (s) => s.mtimeMs,
        () => 0,
      ));
    // The number may belong to a new process by now, hence the age; an initdb takes seconds.
    if (isAlive(pid) && age < DRAFT_LIFE_MS) continue;
    // An initdb that outlived its parent may still be writing there; the next start removes the rest.
    await rm(path, { recursive: true, force: true }).catch(() => undefined);
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (e) {
    return (e as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Without it a machine crash may undo a rename whose success was already relied upon. */
async function syncDirectory(path: string): Promise<void> {
  if (process.platform === 'win32') return; // Windows opens no directories.
  const directory = await open(path, 'r');
  await directory.sync().finally(() => directory.close());
}
