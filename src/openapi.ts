import 'reflect-metadata';
import { writeFileSync } from 'node:fs';
import { AppModule } from './app.module';
import { readEnv } from './config/read-env';
import { describeModule } from './reference/preview';

/** Writes the API's document where the project keeps it: `npm run openapi`. */
async function main(): Promise<void> {
  const document = await describeModule(AppModule.of(readEnv({})), '/');
  writeFileSync('openapi.json', `${JSON.stringify(document, null, 2)}\n`);
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exitCode = 1;
});
