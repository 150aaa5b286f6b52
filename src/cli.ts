import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { parseArgs } from 'node:util';
import { accountCommands } from './cli/account.command';
import { CliModule } from './cli/cli.module';
import { UsageError, type Command, type Options, type Output } from './cli/command';
import { flowCommands } from './cli/flow.command';
import { migrate } from './cli/migrate.command';
import { outboxCommands } from './cli/outbox.command';
import { userCommands } from './cli/user.command';
import { workspaceCommands } from './cli/workspace.command';
import type { Env } from './config/env';
import { readEnv } from './config/read-env';
import { openDatabase } from './database/open';
import { configureLogger } from './observability/logger';
import { NestLog } from './observability/nest-log';

const COMMANDS: Record<string, Command> = {
  ...accountCommands,
  ...userCommands,
  ...workspaceCommands,
  ...flowCommands,
  ...outboxCommands,
};

const MIGRATE_HELP = 'migrate up|down|status';

const OPTIONS = {
  'ats-id': { type: 'string' },
  name: { type: 'string' },
  'webhook-url': { type: 'string' },
  'portal-email': { type: 'string' },
  email: { type: 'string' },
  role: { type: 'string' },
  'dead-since': { type: 'string' },
  direction: { type: 'string' },
  compromised: { type: 'boolean' },
  'client-id': { type: 'string' },
  'admin-name': { type: 'string' },
  'admin-email': { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean' },
} as const;

async function main(argv: string[]): Promise<void> {
  const { values, positionals } = parse(argv);
  const [group = '', verb = '', argument = '', ...rest] = positionals;
  const name = `${group} ${verb}`;
  if (values.help === true || group === '' || group === 'help') {
    process.stdout.write(help());
    return;
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if ((command === undefined && group !== 'migrate') || rest.length > 0)
    throw new UsageError(`there is no command ${positionals.join(' ')}`);
  if (command !== undefined) refuseUnused(name, command, values, argument);
  const env = readEnv();
  configureLogger(Object.assign(env, { LOG_LEVEL: 'silent' as const }));
  const output = command === undefined ? await migrate(env, verb, say) : await run(env, command, values, argument);
  process.stdout.write(values.json === true ? `${JSON.stringify(output)}\n` : people(output));
}

async function run(env: Env, command: Command, options: Options, argument: string): Promise<Output> {
  const database = await openDatabase(env, say);
  try {
    env.DATABASE_URL = database.url;
    const app = await NestFactory.createApplicationContext(CliModule.of(env), {
      logger: new NestLog(),
      abortOnError: false,
    });
    try {
      return await command.run(app, options, argument);
    } finally {
      await app.close();
    }
  } finally {
    await database.close();
  }
}

function parse(argv: string[]): { values: Options; positionals: string[] } {
  try {
    return parseArgs({ args: argv, options: OPTIONS, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** What a command would not look at may have been meant to narrow what it does. @throws {UsageError} */
function refuseUnused(name: string, { usage }: Command, options: Options, argument: string): void {
  const given = Object.keys(options).filter((option) => option !== 'json');
  const unused = given.map((option) => `--${option}`).filter((option) => !usage.split(/[\s[\]]+/).includes(option));
  if (argument !== '' && !usage.includes('<')) unused.push(argument);
  if (unused.length > 0) throw new UsageError(`${name} takes no ${unused.join(', ')}`);
}

/** Standard output belongs to the answer. */
function say(message: string): void {
  process.stderr.write(`${message}\n`);
}

function people(output: Output): string {
  return Object.entries(output)
    .map(([name, value]) => `${name}: ${typeof value === 'string' ? value : JSON.stringify(value, null, 2)}\n`)
    .join('');
}

function help(): string {
  const lines = Object.entries(COMMANDS).map(
    ([name, { usage, summary }]) => `  ${`${name} ${usage}`.trim()}\n      ${summary}\n`,
  );
  return `npm run cli -- <command> [--json]\n\n${lines.join('')}  ${MIGRATE_HELP}\n      applies, reverts or lists the migrations\n`;
}

main(process.argv.slice(2)).catch((error: unknown) => {
  const usage = error instanceof UsageError ? '\nAll commands: npm run cli -- help' : '';
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}${usage}\n`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
});
