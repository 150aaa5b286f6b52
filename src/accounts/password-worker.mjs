// Plain JavaScript, because the thread loads this very file, in a build and under the tests alike.
import { argon2id, argon2Verify } from 'hash-wasm';
import { randomBytes } from 'node:crypto';
import { parentPort } from 'node:worker_threads';

/** OWASP's first choice: 19 MiB, two passes, one lane. */
const ARGON2ID = { memorySize: 19_456, iterations: 2, parallelism: 1, hashLength: 32, outputType: 'encoded' };

parentPort.on('message', async ({ id, password, hash }) => {
  try {
    const result =
      hash === undefined
        ? await argon2id({ ...ARGON2ID, password, salt: randomBytes(16) })
        : await argon2Verify({ password, hash });
    parentPort.postMessage({ id, result });
  } catch (error) {
    parentPort.postMessage({ id, fault: error.message });
  }
});
