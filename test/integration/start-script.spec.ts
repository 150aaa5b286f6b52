import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
} from 'node:fs';
import { symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../support/until';

const PROJECT = join(__dirname, '..', '..');

let project: string;
const running: ChildProcess[] = [];

/** A project of two files that builds as the gateway does. */
beforeEach(() => {
  project = realpathSync(mkdtempSync(join(tmpdir(), 'gateway-start-')));
  for (const name of ['start.mjs', 'tsconfig.json', 'tsconfig.build.json']) {
    copyFileSync(join(PROJECT, name), join(project, name));
  }
  symlinkSync(join(PROJECT, 'node_modules'), join(project, 'node_modules'), 'junction');
  write('package.json', '{"private":true}');
  write('package-lock.json', '{}');
  write('src/portal/page.css', 'body {}');
  write('src/value.ts', `export const value: string = 'first';`);
  write(
    'src/cli.ts',
    `import { value } from './value'; console.log(JSON.stringify({ value, args: process.argv.slice(2) }));`,
  );
  // Loads a module only when told to, as a server does that has been running for long.
  write(
    'src/main.ts',
    `import { createInterface } from 'node:readline';
     process.on('SIGTERM', () => { console.log('drained'); process.exit(0); });
     createInterface(process.stdin).on('line', () => console.log(require('./value').value));
     console.log('ready');`,
  );
});

afterEach(() => {
  for (const child of running.splice(0)) child.kill('SIGKILL');
  rmSync(project, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
});

function write(path: string, text: string): void {
  mkdirSync(join(project, path, '..'), { recursive: true });
  writeFileSync(join(project, path), text);
}

function start(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(project, 'start.mjs'), ...args], {
    cwd: tmpdir(),
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

function startServer(): { child: ChildProcess; said: () => string } {
  const child = spawn(process.execPath, [join(project, 'start.mjs'), 'main'], { stdio: 'pipe' });
  running.push(child);
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  return { child, said: () => said };
}

function builds(): string[] {
  return readdirSync(join(project, '.build')).filter((name) => name !== 'users');
}

it('builds once, says so on standard error only, and hands the arguments on', () => {
  const first = start('cli', 'account', '--json');
  expect(first).toMatchObject({ status: 0, stderr: 'Building …\n' });
  expect(JSON.parse(first.stdout)).toEqual({ value: 'first', args: ['account', '--json'] });
  expect(start('cli', 'account', '--json')).toEqual({ ...first, stderr: '' });
  expect(builds()).toHaveLength(1);
});

it('prints where the build is, assets included', () => {
  const directory = start('--build-only').stdout.trim();
  expect(builds().map((name) => join(project, '.build', name))).toEqual([directory]);
  expect(readFileSync(join(directory, 'src', 'portal', 'page.css'), 'utf8')).toBe('body {}');
});

it('builds anew when the content of a file changed, not when only its time did', () => {
  start('cli');
  utimesSync(join(project, 'src', 'value.ts'), new Date(), new Date());
  expect(start('cli').stderr).toBe('');
  write('src/value.ts', `export const value = 'second';`);
  expect(start('cli')).toMatchObject({ stdout: '{"value":"second","args":[]}\n', stderr: 'Building …\n' });
  write('src/portal/page.css', 'main {}');
  expect(start('cli').stderr).toBe('Building …\n');
});

it('leaves the build of a running server alone through any number of later ones', async () => {
  const { child, said } = startServer();
  await until('the server', () => said().includes('ready'));
  const [build] = builds();
  for (const value of ['second', 'third', 'fourth', 'fifth']) {
    write('src/value.ts', `export const value = '${value}';`);
    expect(start('cli').stdout).toContain(value);
  }
  expect(builds()).toContain(build);
  expect(builds()).toHaveLength(4);
  child.stdin!.write('go on\n');
  await until('its answer', () => said().includes('first'));

  child.kill('SIGTERM');
  await until('its end', () => child.exitCode !== null);
  expect(said()).toContain('drained');
  start('cli');
  expect(builds()).toHaveLength(3);
  expect(builds()).not.toContain(build);
});

it('fails with the errors of the compiler and leaves nothing', () => {
  write('src/value.ts', `export const value: number = 'text';`);
  const { status, stdout, stderr } = start('cli');
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  expect(stderr).toContain('TS2322');
  expect(builds()).toEqual([]);
});

it('serves all when several start at once on a fresh copy', async () => {
  const servers = [1, 2, 3].map(startServer);
  await until('all of them', () => servers.every((s) => s.said().includes('ready')));
  expect(builds()).toHaveLength(1);
});

it('removes the drafts of killed builds', () => {
  const { pid } = spawnSync(process.execPath, ['-e', '']);
  write(`.build/draft-${pid}-00000000/src/cli.js`, '');
  start('cli');
  expect(existsSync(join(project, '.build', `draft-${pid}-00000000`))).toBe(false);
});

it('explains itself when asked for an entry that does not exist', () => {
  expect(start('nothing')).toMatchObject({ status: 1, stdout: '', stderr: expect.stringMatching(/^Usage: .*\n$/) });
});
