import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { AddressInfo } from 'node:net';
import { AppModule } from './app.module';
import { readEnv, type Env } from './config/env';
import { openDatabase, type OpenDatabase } from './database/open';
import { configureHttp } from './http/configure';
import { configureLogger, logger } from './observability/logger';
import { NestLog } from './observability/nest-log';
import { banner } from './ops/banner';
import { DemoAccount } from './ops/demo-account.service';
import { Readiness } from './ops/readiness';

const REQUEST_GRACE_MS = 2000;

async function main(): Promise<void> {
  const env = readEnv();
  configureLogger(env);
  const say = (message: string): void => void process.stderr.write(`${message}\n`);
  const database = await openDatabase(env, say);
  const stop = stopping(database);
  env.DATABASE_URL = database.url;
  try {
    const app = await NestFactory.create<NestExpressApplication>(AppModule.of(env), {
      bodyParser: false,
      logger: new NestLog(),
      abortOnError: false,
    });
    stop.app = app;
    configureHttp(app);
    await serve(app, env, database.embedded);
  } catch (error) {
    await stop.now();
    throw error;
  }
}

async function serve(app: NestExpressApplication, env: Env, embedded: boolean): Promise<void> {
  const demo = app.get(DemoAccount);
  if (env.production) await refuseDemoCredentials(demo);
  await app.listen(env.PORT, env.HOST);
  const { port } = app.getHttpServer().address() as AddressInfo;
  const origin = env.PORT === 0 ? `http://${env.HOST}:${port}` : env.PUBLIC_URL;
  const withDemo = embedded && env.NODE_ENV === 'development' && env.loopback && env.ROLE !== 'worker';
  if (withDemo) await demo.ensure(`http://${env.HOST}:${port}`);
  app.get(Readiness).ready = true;
  logger.info({ port, role: env.ROLE }, 'gateway.ready');
  if (!env.production) process.stdout.write(banner(origin, env, withDemo));
}

async function refuseDemoCredentials(demo: DemoAccount): Promise<void> {
  const holders = await demo.holders();
  if (holders.length === 0) return;
  throw new Error(
    `These accounts hold credentials that are published in the Quick Start: ${holders.join(', ')}. ` +
      'Rotate their key and secrets with the command line, or use another database',
  );
}

/** Ends in order: no more requests, the workers' current work, the connections, the server. */
function stopping(database: OpenDatabase): { app?: NestExpressApplication; now: () => Promise<void> } {
  let begun: Promise<void> | undefined;
  const state: { app?: NestExpressApplication; now: () => Promise<void> } = {
    now: () => (begun ??= close()),
  };
  const close = async (): Promise<void> => {
    if (state.app !== undefined) {
      state.app.get(Readiness).ready = false;
      const server = state.app.getHttpServer();
      // Connections that were opened and never used count as busy; a request still running has this long to end.
      const grace = setTimeout(() => {
        server.closeAllConnections();
      }, REQUEST_GRACE_MS);
      server.close();
      await state.app.close();
      clearTimeout(grace);
    }
    await database.close();
  };
  const onSignal = (signal: NodeJS.Signals): void => {
    if (begun !== undefined) process.exit(1);
    logger.info({ signal }, 'gateway.stopping');
    state.now().then(
      () => process.exit(0),
      (error: unknown) => {
        logger.error({ err: error }, 'gateway.stopped_badly');
        process.exit(1);
      },
    );
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  return state;
}

function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if ('code' in error && error.code === 'EADDRINUSE') {
    return `${error.message}. Stop what listens there, or start with another PORT`;
  }
  if ('code' in error && /^(ECONN|ENOTFOUND|EAI_|ETIMEDOUT|EHOST)/.test(String(error.code))) {
    return `${error.message}. Start the PostgreSQL server, or check DATABASE_URL`;
  }
  return error.message;
}

process.on('unhandledRejection', (error) => {
  logger.error({ err: error }, 'unhandled_rejection');
});

main().catch((error: unknown) => {
  logger.fatal({ err: error }, 'gateway.not_started');
  process.stderr.write(`\nThe gateway did not start.\n${explain(error)}\n`);
  process.exit(1);
});
