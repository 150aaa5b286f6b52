import { plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';
import { Env, httpOrigin, InvalidEnv } from './env';

const REQUIRED_IN_PRODUCTION = {
  DATABASE_URL: 'the embedded database is for development; name a PostgreSQL server',
  ENCRYPTION_KEY: 'make one with: openssl rand -hex 32',
  PUBLIC_URL: 'the address under which users reach the gateway',
} as const;

const S3_SETTINGS = [
  'S3_BUCKET',
  'S3_ENDPOINT',
  'S3_REGION',
  'S3_ACCESS_KEY_ID',
  'S3_SECRET_ACCESS_KEY',
  'S3_FORCE_PATH_STYLE',
] as const;

/** Half a configuration would quietly store files elsewhere than was meant. */
function s3Faults(given: NodeJS.ProcessEnv): string[] {
  const faults: string[] = [];
  const stray = S3_SETTINGS.find((name) => given[name] !== undefined);
  if (stray !== undefined && given.S3_BUCKET === undefined) faults.push(`S3_BUCKET must be set when ${stray} is`);
  if ((given.S3_ACCESS_KEY_ID === undefined) !== (given.S3_SECRET_ACCESS_KEY === undefined)) {
    faults.push('S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY must be set together');
  }
  return faults;
}

/**
 * Reads the settings from `source`, fills in the defaults of its `NODE_ENV` and checks them all.
 *
 * @throws {InvalidEnv} naming every fault.
 */
export function readEnv(source: NodeJS.ProcessEnv = process.env): Env {
  const known = new Set([
    ...Object.keys(new Env()),
    'HOST',
    'DATABASE_URL',
    'ENCRYPTION_KEY',
    'MIGRATE_ON_START',
    'PUBLIC_URL',
    'SCORER_URL',
    'SCORER_SECRET',
    'TRUST_PROXY',
    'SMTP_URL',
    'MAIL_FROM',
    'DELIVERY_ALLOWED_PRIVATE_RANGES',
    'METRICS_TOKEN',
    'RATE_LIMIT_PER_SECOND',
    'INTERNAL_API_KEY',
    ...S3_SETTINGS,
  ]);
  // An empty list of private ranges means none; any other empty setting counts as unset, as compose files write it.
  const given = Object.fromEntries(
    Object.entries(source).filter(([k, v]) => known.has(k) && (v !== '' || k === 'DELIVERY_ALLOWED_PRIVATE_RANGES')),
  );
  const production = given.NODE_ENV === 'production';
  const host = given.HOST ?? (production ? '0.0.0.0' : '127.0.0.1');
  const env = plainToInstance(
    Env,
    {
      HOST: host,
      MIGRATE_ON_START: !production,
      DELIVERY_ALLOWED_PRIVATE_RANGES: production ? [] : ['127.0.0.0/8', '::1/128'],
      PUBLIC_URL: httpOrigin(host, given.PORT ?? 3000),
      S3_FORCE_PATH_STYLE: given.S3_ENDPOINT !== undefined,
      ...given,
    },
    { exposeDefaultValues: true },
  );
  const faults = validateSync(env).flatMap(({ property, constraints = {} }) => {
    const message = constraints.isInt ?? Object.values(constraints)[0];
    return message === undefined ? [] : [message.startsWith(property) ? message : `${property} ${message}`];
  });
  faults.push(...s3Faults(given));
  if (env.SCORER_URL !== undefined && env.SCORER_SECRET === undefined) {
    faults.push('SCORER_SECRET must be set with SCORER_URL: it signs what goes there and what comes back');
  }
  if (env.SMTP_URL !== undefined && env.MAIL_FROM === undefined) {
    faults.push('MAIL_FROM must be set beside SMTP_URL: the address that mails come from');
  }
  if (production) {
    for (const [name, hint] of Object.entries(REQUIRED_IN_PRODUCTION)) {
      if (given[name] === undefined) faults.push(`${name} must be set in production: ${hint}`);
    }
  }
  if (faults.length > 0) throw new InvalidEnv(faults);
  return env;
}
