import { Test } from '@nestjs/testing';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Accounts, type AccountCredentials } from '../../src/accounts/accounts.service';
import { AppModule } from '../../src/app.module';
import { readEnv } from '../../src/config/read-env';
import { configureHttp } from '../../src/http/configure';
import { NestLog } from '../../src/observability/nest-log';
import { Readiness } from '../../src/ops/readiness';
import { WakeUp } from '../../src/queue/wake-up.service';
import { WorkspacesRepository } from '../../src/workspaces/workspaces.repository';
import { createDatabase } from './postgres';

/** A whole gateway in this process, on a database of its own unless one is given, behind a real socket. */
export interface Gateway {
  readonly app: NestExpressApplication;
  readonly origin: string;
  readonly databaseUrl: string;
  /** Ends the gateway as SIGTERM does, and drops its database if it made one. */
  close(): Promise<void>;
}

export interface GatewayOptions {
  /** Settings, as the environment would give them. */
  readonly env?: Record<string, string>;
  readonly databaseUrl?: string;
  /** False takes every hint away: only the pollers' ticks are left. */
  readonly hints?: boolean;
}

export async function startGateway({ env = {}, databaseUrl, hints = true }: GatewayOptions = {}): Promise<Gateway> {
  const own = databaseUrl === undefined ? await createDatabase() : undefined;
  const url = databaseUrl ?? own?.url ?? '';
  const dataDir = await mkdtemp(join(tmpdir(), 'gateway-data-'));
  const settings = readEnv({
    NODE_ENV: 'test',
    PORT: '0',
    DATABASE_URL: url,
    DATABASE_POOL_SIZE: '8',
    ENCRYPTION_KEY: '07'.repeat(32),
    DATA_DIR: dataDir,
    ...env,
  });
  const building = Test.createTestingModule({ imports: [AppModule.of(settings)] });
  if (!hints) building.overrideProvider(WakeUp).useValue({ on: () => undefined, hint: () => undefined });
  const module = await building.compile();
  const app = module.createNestApplication<NestExpressApplication>({ bodyParser: false, logger: new NestLog() });
  configureHttp(app, settings.TRUST_PROXY);
  await app.listen(settings.PORT, settings.HOST);
  app.get(Readiness).ready = true;
  const { port } = app.getHttpServer().address() as AddressInfo;
  if (env.PUBLIC_URL === undefined) settings.PUBLIC_URL = `http://127.0.0.1:${port}`;
  return {
    app,
    origin: `http://127.0.0.1:${port}`,
    databaseUrl: url,
    async close() {
      await app.close();
      await own?.drop();
      await rm(dataDir, { recursive: true });
    },
  };
}

export interface TestAccount extends AccountCredentials {
  readonly atsId: string;
}

/** An account, with a workspace for each of `clients`. */
export async function makeAccount(
  { app }: Gateway,
  atsId: string,
  webhookUrl: string | null,
  clients: readonly string[] = ['client-1'],
): Promise<TestAccount> {
  const made = await app.get(Accounts).create({ atsId, name: atsId, webhookUrl }, 'test');
  const workspaces = clients.map((clientId) => ({
    atsId,
    clientId,
    name: clientId,
    adminName: null,
    adminEmail: null,
  }));
  await app.get(WorkspacesRepository).provision(workspaces);
  return { atsId, ...made };
}

export interface Call {
  readonly method?: string;
  readonly clientId?: string;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

/** A REST call of an account's own, its context headers and content type filled in. */
export async function call(
  { origin }: Pick<Gateway, 'origin'>,
  account: Pick<TestAccount, 'apiKey'>,
  path: string,
  { method, clientId = 'client-1', body, headers = {} }: Call = {},
): Promise<{ status: number; headers: Headers; body: Record<string, unknown> }> {
  const response = await fetch(origin + path, {
    method: method ?? (body === undefined ? 'GET' : 'POST'),
    headers: {
      'X-API-Key': account.apiKey,
      'X-ATS-Client-ID': clientId,
      'X-ATS-User-ID': 'user-1',
      ...(body !== undefined && { 'Content-Type': 'application/json' }),
      ...headers,
    },
    body: body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>),
  };
}
