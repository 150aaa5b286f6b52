import { InvalidEnv } from '../../src/config/env';
import { readEnv } from '../../src/config/read-env';

const PRODUCTION = {
  NODE_ENV: 'production',
  DATABASE_URL: 'postgres://u:p@db/gateway',
  ENCRYPTION_KEY: 'ab'.repeat(32),
  PUBLIC_URL: 'https://gateway.example',
};

function faults(source: NodeJS.ProcessEnv): string[] {
  try {
    readEnv(source);
    return [];
  } catch (error) {
    return (error as InvalidEnv).faults;
  }
}

it('gives development its documented defaults', () => {
  expect(readEnv({})).toMatchObject({
    NODE_ENV: 'development',
    ROLE: 'all',
    HOST: '127.0.0.1',
    PORT: 3000,
    DATABASE_URL: undefined,
    MIGRATE_ON_START: true,
    PUBLIC_URL: 'http://127.0.0.1:3000',
    DELIVERY_TIMEOUT_MS: 5000,
    DELIVERY_RETRY_SCHEDULE: [5, 30, 120, 600, 1800, 3600, 10_800, 21_600, 43_200, 86_400, 86_400],
    DELIVERY_ALLOWED_PRIVATE_RANGES: ['127.0.0.0/8', '::1/128'],
    DELIVERY_CONCURRENCY: 1024,
    DELIVERY_CONCURRENCY_PER_ACCOUNT: 32,
    RETENTION_DAYS: 7,
    DEAD_RETENTION_DAYS: 30,
    LOG_LEVEL: 'info',
  });
});

it('gives production none of the development defaults', () => {
  expect(readEnv(PRODUCTION)).toMatchObject({
    HOST: '0.0.0.0',
    MIGRATE_ON_START: false,
    DELIVERY_ALLOWED_PRIVATE_RANGES: [],
  });
});

it('refuses production without a database, a key and an address, naming all three', () => {
  expect(faults({ NODE_ENV: 'production' })).toEqual([
    expect.stringContaining('DATABASE_URL'),
    expect.stringContaining('ENCRYPTION_KEY'),
    expect.stringContaining('PUBLIC_URL'),
  ]);
});

it('reports every fault at once, each by its name', () => {
  const broken = { PORT: 'http', ROLE: 'boss', DELIVERY_RETRY_SCHEDULE: '5,soon', ENCRYPTION_KEY: 'short' };
  const found = faults(broken);
  expect(found).toHaveLength(Object.keys(broken).length);
  for (const name of Object.keys(broken)) expect(found.some((fault) => fault.startsWith(name))).toBe(true);
});

it.each([
  ['PORT', '65536'],
  ['PORT', '-1'],
  ['PORT', '80.5'],
  ['DATABASE_URL', 'mysql://db/x'],
  ['DELIVERY_TIMEOUT_MS', '0'],
  ['DELIVERY_RETRY_SCHEDULE', '-5'],
  ['DELIVERY_RETRY_SCHEDULE', '1,,2'],
  ['DELIVERY_ALLOWED_PRIVATE_RANGES', '10.0.0.0'],
  ['MIGRATE_ON_START', 'perhaps'],
  ['PUBLIC_URL', 'gateway.example'],
  ['PUBLIC_URL', 'https://gateway.example/path'],
  ['RETENTION_DAYS', '0'],
  ['INTERNAL_API_KEY', 'short'],
  ['INTERNAL_API_KEY', 'with spaces is not good'],
  ['RATE_LIMIT_PER_SECOND', '0'],
  ['RATE_LIMIT_PER_SECOND', 'many'],
  ['SCORER_SECRET', 'too short'],
  ['LOG_LEVEL', 'loud'],
])('refuses %s=%s', (name, value) => {
  expect(faults({ [name]: value })).toEqual([expect.stringContaining(name)]);
});

it('takes an empty list of private ranges as none, and any other empty setting as unset', () => {
  const env = readEnv({ DELIVERY_ALLOWED_PRIVATE_RANGES: '', PORT: '', DATABASE_URL: '' });
  expect(env.DELIVERY_ALLOWED_PRIVATE_RANGES).toEqual([]);
  expect(env.PORT).toBe(3000);
  expect(env.DATABASE_URL).toBeUndefined();
});

it.each([
  ['127.0.0.1', true],
  ['127.1.2.3', true],
  ['::1', true],
  ['localhost', true],
  ['0.0.0.0', false],
  ['::', false],
  ['10.0.0.1', false],
  ['127.evil.example', false],
])('knows whether only this machine reaches %s', (HOST, loopback) => {
  expect(readEnv({ HOST }).loopback).toBe(loopback);
});

it('wants a secret with a scorer', () => {
  const SCORER_URL = 'http://scorer.internal:8080/score';
  expect(faults({ SCORER_URL })).toEqual([expect.stringContaining('SCORER_SECRET must be set')]);
  expect(faults({ SCORER_URL: 'scorer.internal' })).toContainEqual(expect.stringMatching(/^SCORER_URL/));
  const SCORER_SECRET = 'the-secret-of-the-scorer';
  expect(readEnv({ SCORER_URL, SCORER_SECRET })).toMatchObject({ SCORER_URL, SCORER_SECRET });
});

describe('a bucket for files', () => {
  const KEYS = { S3_ACCESS_KEY_ID: 'id', S3_SECRET_ACCESS_KEY: 'secret' };

  it('is none by default, also when compose files leave its settings empty', () => {
    expect(readEnv({ S3_BUCKET: '', S3_ENDPOINT: '', S3_FORCE_PATH_STYLE: '' }).s3).toBeUndefined();
  });

  it("is Amazon's, with the machine's own credentials, when only its name is given", () => {
    expect(readEnv({ S3_BUCKET: 'files' }).s3).toEqual({ bucket: 'files', region: 'us-east-1', forcePathStyle: false });
  });

  it('of another maker has its name in the path, unless told otherwise', () => {
    const env = { S3_BUCKET: 'files', S3_ENDPOINT: 'http://minio:9000', S3_REGION: 'eu', ...KEYS };
    const credentials = { accessKeyId: 'id', secretAccessKey: 'secret' };
    const endpoint = 'http://minio:9000';
    expect(readEnv(env).s3).toEqual({ bucket: 'files', region: 'eu', endpoint, credentials, forcePathStyle: true });
    expect(readEnv({ ...env, S3_FORCE_PATH_STYLE: 'false' }).s3?.forcePathStyle).toBe(false);
  });

  it.each<[Record<string, string>, string]>([
    [{ S3_ENDPOINT: 'http://minio:9000' }, 'S3_BUCKET must be set when S3_ENDPOINT is'],
    [{ ...KEYS }, 'S3_BUCKET must be set when S3_ACCESS_KEY_ID is'],
    [{ S3_BUCKET: 'files', S3_ACCESS_KEY_ID: 'id' }, 'S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY must be set together'],
    [{ S3_BUCKET: 'a/b' }, 'S3_BUCKET must be the name of a bucket'],
    [{ S3_BUCKET: 'files', S3_ENDPOINT: 'minio:9000' }, 'S3_ENDPOINT must be an http or https address without a path'],
    [{ S3_BUCKET: 'files', S3_REGION: 'eu central' }, 'S3_REGION must be a region such as eu-central-1'],
  ])('is refused when it is only half configured: %j', (env, fault) => {
    expect(faults(env)).toEqual([fault]);
  });
});
