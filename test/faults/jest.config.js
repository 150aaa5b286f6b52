const { resolve } = require('node:path');
const settings = require('../../jest.config');

process.env.FAULTS = 'long';

/** The long form of the suite, one fault at a time. @type {import('jest').Config} */
module.exports = {
  ...settings,
  rootDir: resolve(__dirname, '..', '..'),
  testMatch: ['<rootDir>/test/faults/*.spec.ts'],
  maxWorkers: 1,
};
