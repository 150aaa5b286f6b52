/** file-type and what it stands on are ES modules: Node itself can require them, jest cannot. */
const ES_MODULES = '(file-type|strtok3|token-types|uint8array-extras|@tokenizer|@borewit)';
const swc = JSON.parse(require('node:fs').readFileSync(`${__dirname}/.swcrc`, 'utf8'));
const { jsc } = swc;
/** The same for pages: only in a .tsx file is `<T>` the beginning of an element. */
const jsx = {
  ...swc,
  jsc: {
    ...jsc,
    parser: { ...jsc.parser, tsx: true },
    transform: { ...jsc.transform, react: { runtime: 'automatic', importSource: 'preact' } },
  },
};

/** @type {import('jest').Config} */
module.exports = {
  testEnvironment: 'node',
  // Not the whole project: jest would crawl the databases and builds that come and go beside it.
  roots: ['<rootDir>/src', '<rootDir>/test', '<rootDir>/migrations'],
  testMatch: ['<rootDir>/test/**/*.spec.ts'],
  transform: {
    '^.+\\.ts$': '@swc/jest',
    '^.+\\.tsx$': ['@swc/jest', jsx],
    [`/node_modules/${ES_MODULES}/.+\\.js$`]: '@swc/jest',
  },
  transformIgnorePatterns: [`/node_modules/(?!${ES_MODULES}/)`],
  globalSetup: '<rootDir>/test/support/global-setup.ts',
  globalTeardown: '<rootDir>/test/support/global-teardown.ts',
  // Waits end with their condition; this is only how long a stuck one may take on a busy machine.
  testTimeout: 300_000,
  // Many tests wait out a lease or a retry: two at a time take little more than half of the time, also on two cores.
  maxWorkers: 2,
};
