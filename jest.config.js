/** @type {import('jest').Config} */
module.exports = {
  testEnvironment: 'node',
  // Not the whole project: jest would crawl the databases and builds that come and go beside it.
  roots: ['<rootDir>/src', '<rootDir>/test', '<rootDir>/migrations'],
  testMatch: ['<rootDir>/test/**/*.spec.ts'],
  transform: { '^.+\\.tsx?$': '@swc/jest' },
  globalSetup: '<rootDir>/test/support/global-setup.ts',
  globalTeardown: '<rootDir>/test/support/global-teardown.ts',
  // Waits end with their condition; this is only how long a stuck one may take on a busy machine.
  testTimeout: 60_000,
};
