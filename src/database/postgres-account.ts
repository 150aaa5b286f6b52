import { execFile } from 'node:child_process';
import { chown, type FileHandle, readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** An account of the operating system that PostgreSQL runs under instead of root. */
export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

// `_postgres` is macOS's; `nobody` exists nearly everywhere.
const CANDIDATES = ['postgres', '_postgres', 'nobody'];
const CREATED = 'gateway-postgres';

/** Options for a child process that is to run as `account`; node wants them as signed numbers (macOS: nobody is -2). */
export function runAs(account: Account | undefined): { uid?: number; gid?: number } {
  return account ? { uid: account.uid | 0, gid: account.gid | 0 } : {};
}

export async function giveTo(account: Account | undefined, file: string | FileHandle): Promise<void> {
  if (!account) return;
  const [uid, gid] = [account.uid >>> 0, account.gid >>> 0];
  await (typeof file === 'string' ? chown(file, uid, gid) : file.chown(uid, gid));
}

/**
 * The account to drop to, since PostgreSQL refuses to run as root; undefined when this process is not root.
 * A cluster that exists already stays with its owner: PostgreSQL opens nobody else's.
 *
 * @throws Error when root can become no other account here.
 */
export async function chooseAccount(clusterData: string): Promise<Account | undefined> {
  if (process.geteuid?.() !== 0) return undefined;
  const known = await readAccounts();
  const owner = await stat(clusterData).catch(() => undefined);
  if (owner) {
    const name = known.find((a) => a.uid >>> 0 === owner.uid)?.name ?? `uid ${owner.uid}`;
    return { name, uid: owner.uid, gid: owner.gid };
  }
  for (const name of CANDIDATES) {
    const account = known.find((a) => a.name === name);
    if (account && (await isUsable(account))) return account;
  }
  return createAccount();
}

/** Those of the directories leading to `path` that keep `account` out, the topmost first. */
export async function closedDirectories(path: string, account: Account | undefined): Promise<string[]> {
  if (!account) return [];
  const ways = [path];
  for (let d = dirname(path); d !== ways[0]; d = dirname(d)) ways.unshift(d);
  // Asking the kernel as that account: permission bits alone tell nothing of access lists and mount options.
  const walk = 'for d do cd -P -- "$d" 2>/dev/null || { printf %s "$d"; exit 0; }; done';
  const { stdout: first } = await run('/bin/sh', ['-c', walk, 'sh', ...ways], { ...runAs(account), cwd: '/' });
  if (first === '') return [];
  // Behind the first closed one it cannot look, so that one message names all, the rest are judged by their bits.
  const rest = await Promise.all(
    ways.slice(ways.indexOf(first) + 1).map(async (d) => {
      const { mode, uid } = await stat(d);
      return (mode & 0o001) === 0 && uid !== account.uid >>> 0 ? [d] : [];
    }),
  );
  return [first, ...rest.flat()];
}

async function readAccounts(): Promise<Account[]> {
  const lines = (await readFile('/etc/passwd', 'utf8').catch(() => '')).split('\n');
  return lines.flatMap((line) => {
    const [name, , uid, gid] = line.split(':');
    return name && uid && gid && Number(uid) !== 0 ? [{ name, uid: Number(uid), gid: Number(gid) }] : [];
  });
}

/** A listed account may still be out of reach: in a user namespace that does not map it, or without CAP_SETUID. */
async function isUsable(account: Account): Promise<boolean> {
  return run('/bin/sh', ['-c', ':'], { ...runAs(account), cwd: '/' }).then(
    () => true,
    () => false,
  );
}

async function createAccount(): Promise<Account> {
  const args = ['--system', '--user-group', '--no-create-home', '--shell', '/bin/false', CREATED];
  await run('useradd', args).catch(() => undefined);
  const account = (await readAccounts()).find((a) => a.name === CREATED);
  if (account && (await isUsable(account))) return account;
  throw new Error(
    'PostgreSQL refuses to run as root, and no other account can be used here. ' +
      `Start as an ordinary user, make an account with "useradd ${args.join(' ')}", or set DATABASE_URL.`,
  );
}
