// Loaded before the real build: `accept` answers from memory, and everything before it is as it is.
import { join } from 'node:path';
import type { Inbox } from '../../../src/inbox/inbox.service';

// eslint-disable-next-line @typescript-eslint/no-require-imports -- the build's own module, which is where main.js finds it
const built = require(join(process.env.BENCH_BUILD ?? '', 'src/inbox/inbox.service')) as {
  Inbox: { prototype: Inbox };
};

built.Inbox.prototype.accept = function () {
  return Promise.resolve({ referenceId: this['clock'].uuidv7(), repeated: false });
};
