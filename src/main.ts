import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { AddressInfo } from 'node:net';
import { AppModule } from './app.module';
import { httpOrigin, type Env } from './config/env';
import { readEnv } from './config/read-env';
import { openDatabase } from './database/open';
import { configureHttp } from './http/configure';
import { drain } from './http/drain';
import { configureLogger, logger } from './observability/logger';
import { NestLog } from './observability/nest-log';
import { banner } from './ops/banner';
import { DemoAccount } from './ops/demo-account.service';
import { Readiness } from './ops/readiness';
import { Shutdown } from './ops/shutdown';

async function main(shutdown: Shutdown): Promise<void> {
  const env = readEnv();
  configureLogger(env);
  const database = await openDatabase(env, (message) => process.stderr.write(`${message}\n`));
  shutdown.add(() => database.close());
  await shutdown.stage();
  env.DATABASE_URL = database.url;
  const app = await NestFactory.create<NestExpressApplication>(AppModule.of(env), {
    bodyParser: false,
    logger: new NestLog(),
    abortOnError: false,
  });
  shutdown.add(() => close(app));
  await shutdown.stage();
  configureHttp(app, env.TRUST_PROXY);
  await serve(app, env, database.embedded);
  await shutdown.ready();
}

async function serve(app: NestExpressApplication, env: Env, embedded: boolean): Promise<void> {
  const demo = app.get(DemoAccount);
  if (env.production) await refuseDemoCredentials(demo);
  await app.listen(env.PORT, env.HOST);
  const { port } = app.getHttpServer().address() as AddressInfo;
  const local = httpOrigin(env.HOST, port);
  // The port was the operating system's to choose, and is known only now.
  if (new URL(env.PUBLIC_URL).port === '0') env.PUBLIC_URL = local;
  const withDemo = embedded && env.NODE_ENV === 'development' && env.loopback && env.ROLE !== 'worker';
  if (withDemo) await demo.ensure(local);
  app.get(Readiness).ready = true;
  logger.info({ port, role: env.ROLE }, 'gateway.ready');
  if (!env.production) process.stdout.write(banner(env.PORT === 0 ? local : env.PUBLIC_URL, env, withDemo));
}

async function refuseDemoCredentials(demo: DemoAccount): Promise<void> {
  const holders = await demo.holders();
  if (holders.length === 0) return;
  throw new Error(
    `These accounts hold credentials that are published in the Quick Start: ${holders.join(', ')}. ` +
      'Use another database: one in which no account has them',
  );
}

/** No more requests, then the workers' current work, then the connections to the database. */
async function close(app: NestExpressApplication): Promise<void> {
  app.get(Readiness).ready = false;
  const drained = drain(app.getHttpServer());
  await app.close();
  drained();
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

const shutdown = new Shutdown();
main(shutdown).catch(async (error: unknown) => {
  logger.fatal({ err: error }, 'gateway.not_started');
  await shutdown.now().catch(() => undefined);
  process.stderr.write(`\nThe gateway did not start.\n${explain(error)}\n`);
  process.exit(1);
});
