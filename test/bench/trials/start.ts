import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectory } from '../../support/embedded-server';
import { build } from '../../support/gateway-process';
import type { Trial } from '../figure';
import { startProgram } from '../program';

const START = join(__dirname, '..', '..', '..', 'start.mjs');

/** `npm start` on a machine where it has run before. */
export const start: Trial = {
  figures: [
    {
      name: 'start',
      title: 'Start to ready, embedded database, second start',
      unit: 's',
      of: 'gateway',
      reach: { sense: 'at most', value: 3 },
    },
  ],
  sizes: { usual: { rounds: 5 }, quick: null },
  async prepare(stage) {
    await build();
    const directory = await makeDirectory();
    stage.onEnd(() => rm(directory, { recursive: true, force: true }));
    return {
      gateway: async () => {
        const begun = performance.now();
        const gateway = await startProgram([START, 'main'], { DATA_DIR: join(directory, 'data') });
        const seconds = (performance.now() - begun) / 1000;
        await gateway.stop();
        return seconds;
      },
    };
  },
};
