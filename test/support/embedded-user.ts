// A process that uses an embedded server: `embedded-user.ts <dataDir>`. Says {url, ms} when it has it, and closes on a
// line on its input. It stays alive on SIGINT, as a gateway does that is still draining.
import { startEmbeddedPostgres } from '../../src/database/embedded-postgres';

const say = (message: object) => process.stdout.write(`${JSON.stringify(message)}\n`);

async function main(): Promise<void> {
  process.on('SIGINT', () => say({ interrupted: true }));
  const begun = Date.now();
  const server = await startEmbeddedPostgres({ dataDir: process.argv[2] ?? '' });
  say({ url: server.url, ms: Date.now() - begun });
  process.stdin.once('data', () => {
    server.close().then(() => process.exit(0), fail);
  });
}

function fail(e: unknown): never {
  process.stderr.write(`${(e as Error).message}\n`);
  process.exit(1);
}

main().catch(fail);
