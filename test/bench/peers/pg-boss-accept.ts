// Loaded before the real build: the twin's front. `accept` sends a job to pg-boss, everything before it is as it is.
import PgBoss from 'pg-boss';
import { join } from 'node:path';
import type { Inbox } from '../../../src/inbox/inbox.service';
import { PROCESS, twinBoss } from './twin';

// eslint-disable-next-line @typescript-eslint/no-require-imports -- the build's own module, which is where main.js finds it
const built = require(join(process.env.BENCH_BUILD ?? '', 'src/inbox/inbox.service')) as {
  Inbox: { prototype: Inbox };
};
const started: Promise<PgBoss> = twinBoss(process.env.BENCH_DATABASE_URL ?? '', 16);

built.Inbox.prototype.accept = async function ({ caller, clientId, event, entityId, payload }) {
  const referenceId = this['clock'].uuidv7();
  const write = { referenceId, atsId: caller.atsId, clientId, event, entityId, payload };
  await (await started).send(PROCESS, write);
  return { referenceId, repeated: false };
};
