// Preloaded into a gateway's process (NODE_OPTIONS) to break it at a known place. SABOTAGE names the place; SABOTAGE_ID is
// the candidate at which it happens.
const Module = require('node:module');

const { SABOTAGE, SABOTAGE_ID } = process.env;
const die = () => process.kill(process.pid, 'SIGKILL');

const PLACES = {
  /** Whoever applies a write of the candidate dies. */
  'while applying': {
    file: /entities\.repository$/,
    patch({ Entities: { prototype } }) {
      const { load } = prototype;
      prototype.load = async function (tx, name, keys) {
        const stored = await load.call(this, tx, name, keys);
        if (keys.some((key) => key.entityId === SABOTAGE_ID)) die();
        return stored;
      };
    },
  },
  /** Whoever accepted a write of the candidate dies before it can say so. */
  'after commit': {
    file: /inbox\.service$/,
    patch({ Inbox: { prototype } }) {
      const { flush } = prototype;
      prototype.flush = async function (rows) {
        const answers = await flush.call(this, rows);
        if (rows.some((row) => row.entityId === SABOTAGE_ID)) die();
        return answers;
      };
    },
  },
};

const { file, patch } = PLACES[SABOTAGE];
const { _load } = Module;
const patched = new Set();
Module._load = function (request, ...rest) {
  const exports = _load.call(this, request, ...rest);
  if (file.test(request) && !patched.has(exports)) {
    patched.add(exports);
    patch(exports);
  }
  return exports;
};
