const ES_MODULES = '(file-type|strtok3|token-types|uint8array-extras|@tokenizer|@borewit)';

/** @type {import('jest').Config} */
module.exports = {
  testEnvironment: 'node',
  // Not the whole project: jest would crawl the databases and builds that come and go beside it.
  roots: ['<rootDir>/src', '<rootDir>/test', '<rootDir>/migrations'],
  testMatch: ['<rootDir>/test/**/*.spec.ts'],
  // file-type and what it stands on are ES modules: Node itself can require them, jest cannot.
  transform: { '^.+\\.tsx?$': '@swc/jest', [`/node_modules/${ES_MODULES}/.+\\.js$`]: '@swc/jest' },
  transformIgnorePatterns: [`/node_modules/(?!${ES_MODULES}/)`],
  globalSetup: '<rootDir>/test/support/global-setup.ts',
  globalTeardown: '<rootDir>/test/support/global-teardown.ts',
  // Waits end with their condition; this is only how long a stuck one may take on a busy machine.
  testTimeout: 60_000,
};
