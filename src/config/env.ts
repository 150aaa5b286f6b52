import { Transform } from 'class-transformer';
import { IsBoolean, IsIn, IsInt, IsNumber, IsOptional, Matches, Max, Min, MinLength } from 'class-validator';
import { isIP } from 'node:net';
import { resolve } from 'node:path';

const DEFAULT_RETRY_SCHEDULE = [5, 30, 120, 600, 1800, 3600, 10_800, 21_600, 43_200, 86_400, 86_400];
const PROXY = '(loopback|linklocal|uniquelocal|[0-9a-fA-F]*[.:][0-9a-fA-F.:]+(/\\d{1,3})?)';
const TRUST_PROXY_FORMAT = new RegExp(`^(\\d{1,2}|${PROXY}( *, *${PROXY})*)$`);
const ENCRYPTION_KEY_FORMAT = /^([0-9a-f]{64}|[A-Za-z0-9+/]{43}=)$/;

/** `Number('')` would be 0. */
const wholeSeconds = (text: string): number => (text.trim() === '' ? NaN : Number(text));

const toNumber = Transform(({ value }: { value: unknown }) => (typeof value === 'string' ? Number(value) : value));
const toBoolean = Transform(({ value }: { value: unknown }) =>
  value === 'true' || value === '1' ? true : value === 'false' || value === '0' ? false : value,
);

/** All settings of a process, checked once at start (contract, section 12). Times are in the unit their name ends with. */
export class Env {
  @IsIn(['development', 'test', 'production'])
  NODE_ENV: 'development' | 'test' | 'production' = 'development';

  @IsIn(['api', 'worker', 'all'])
  ROLE: 'api' | 'worker' | 'all' = 'all';

  /** 0 lets the operating system choose. */
  @toNumber
  @IsInt()
  @Min(0)
  @Max(65_535)
  PORT = 3000;

  @Matches(/^[^\s/]+$/, { message: 'must be a host name or an address' })
  HOST!: string;

  /** Unset: an embedded PostgreSQL under `DATA_DIR`. */
  @IsOptional()
  @Matches(/^postgres(ql)?:\/\//, { message: 'must begin with postgres:// or postgresql://' })
  DATABASE_URL?: string;

  /** Connections that one process opens at most, the one that listens for wake-ups aside. */
  @toNumber
  @IsInt()
  @Min(4)
  @Max(500)
  DATABASE_POOL_SIZE = 16;

  @Transform(({ value }: { value: string }) => resolve(value))
  DATA_DIR: string = resolve('.data');

  /** 32 bytes, as 64 hex digits or as base64. */
  @IsOptional()
  @Matches(ENCRYPTION_KEY_FORMAT, { message: 'must be 32 bytes, as 64 hex digits or as base64' })
  ENCRYPTION_KEY?: string;

  @toBoolean
  @IsBoolean()
  MIGRATE_ON_START!: boolean;

  @Matches(/^https?:\/\/[^\s/?#]+$/, { message: 'must be an http or https address without a path' })
  PUBLIC_URL!: string;

  /** Whose `X-Forwarded-For` counts: a number of proxies, or their addresses. */
  @IsOptional()
  @Matches(TRUST_PROXY_FORMAT, { message: 'must be a number of proxies, or addresses and CIDRs separated by commas' })
  TRUST_PROXY?: string;

  /** Unset: no mail is sent, and whoever makes a link passes it on. */
  @IsOptional()
  @Matches(/^smtps?:\/\/\S+$/, { message: 'must begin with smtp:// or smtps://' })
  SMTP_URL?: string;

  @IsOptional()
  @Matches(/^[^\r\n]*[^\s@]+@[^\s@]+$/, { message: 'must be an e-mail address, such as Carv <no-reply@example.com>' })
  MAIL_FROM?: string;

  @toNumber
  @IsInt()
  @Min(100)
  @Max(60_000)
  DELIVERY_TIMEOUT_MS = 5000;

  /** Seconds before the second, third, … attempt; after the last the message is dead. */
  @Transform(({ value }: { value: unknown }) =>
    typeof value === 'string' ? value.split(',').map(wholeSeconds) : value,
  )
  @IsInt({ each: true, message: 'must be whole seconds, separated by commas' })
  @Min(0, { each: true, message: 'must not be negative' })
  @Max(604_800, { each: true, message: 'must be a week each at the most' })
  DELIVERY_RETRY_SCHEDULE: number[] = DEFAULT_RETRY_SCHEDULE;

  /** CIDRs that deliveries may reach although they are private. */
  @Transform(({ value }: { value: unknown }) =>
    typeof value === 'string'
      ? value
          .split(',')
          .map((s) => s.trim())
          .filter(Boolean)
      : value,
  )
  @Matches(/^[0-9a-fA-F.:]+\/\d{1,3}$/, { each: true, message: 'must be CIDRs, separated by commas' })
  DELIVERY_ALLOWED_PRIVATE_RANGES!: string[];

  @toNumber
  @IsInt()
  @Min(2)
  @Max(100_000)
  DELIVERY_CONCURRENCY = 1024;

  @toNumber
  @IsInt()
  @Min(1)
  @Max(10_000)
  DELIVERY_CONCURRENCY_PER_ACCOUNT = 32;

  @toNumber
  @IsInt()
  @Min(1)
  @Max(365)
  RETENTION_DAYS = 7;

  @toNumber
  @IsInt()
  @Min(1)
  @Max(365)
  DEAD_RETENTION_DAYS = 30;

  /** Whoever reads `/metrics` shows it as a bearer token. */
  @IsOptional()
  @Matches(/^[\x21-\x7e]{16,200}$/, { message: 'must be 16 to 200 visible ASCII characters' })
  METRICS_TOKEN?: string;

  /** Carv's own services show it as a bearer token; unset: they cannot publish. */
  @IsOptional()
  @Matches(/^[\x21-\x7e]{16,200}$/, { message: 'must be 16 to 200 visible ASCII characters' })
  INTERNAL_API_KEY?: string;

  /** Requests that one account may make; unset: as many as it likes. */
  @IsOptional()
  @toNumber
  @IsNumber({}, { message: 'must be a number' })
  @Min(0.01)
  @Max(1_000_000)
  RATE_LIMIT_PER_SECOND?: number;

  /** With it uploaded files lie in an S3-compatible bucket, without it under `DATA_DIR`. */
  @IsOptional()
  @Matches(/^[a-z0-9][a-z0-9._-]{1,62}$/i, { message: 'must be the name of a bucket' })
  S3_BUCKET?: string;

  /** Unset: Amazon's own. */
  @IsOptional()
  @Matches(/^https?:\/\/[^\s/?#]+\/?$/, { message: 'must be an http or https address without a path' })
  S3_ENDPOINT?: string;

  @Matches(/^[a-z0-9-]+$/i, { message: 'must be a region such as eu-central-1' })
  S3_REGION = 'us-east-1';

  @IsOptional()
  S3_ACCESS_KEY_ID?: string;

  @IsOptional()
  S3_SECRET_ACCESS_KEY?: string;

  @toBoolean
  @IsBoolean()
  S3_FORCE_PATH_STYLE!: boolean;

  /** Unset: the baseline scores. */
  @IsOptional()
  @Matches(/^https?:\/\/[^\s/?#@]+(\/[^\s#]*)?$/, { message: 'must be an http or https address' })
  SCORER_URL?: string;

  /** Signs requests to the scorer and its callbacks. */
  @IsOptional()
  @MinLength(16, { message: 'must have at least 16 characters' })
  SCORER_SECRET?: string;

  @IsIn(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
  LOG_LEVEL: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent' = 'info';

  /** The bucket for uploaded files; undefined when there is none. */
  get s3() {
    const { S3_ACCESS_KEY_ID: accessKeyId, S3_SECRET_ACCESS_KEY: secretAccessKey } = this;
    if (this.S3_BUCKET === undefined) return undefined;
    return {
      bucket: this.S3_BUCKET,
      region: this.S3_REGION,
      forcePathStyle: this.S3_FORCE_PATH_STYLE,
      ...(this.S3_ENDPOINT !== undefined && { endpoint: this.S3_ENDPOINT }),
      ...(accessKeyId !== undefined &&
        secretAccessKey !== undefined && { credentials: { accessKeyId, secretAccessKey } }),
    };
  }

  get production(): boolean {
    return this.NODE_ENV === 'production';
  }

  /** Whether only this machine can reach the process; the demo account is made nowhere else. */
  get loopback(): boolean {
    return this.HOST === 'localhost' || this.HOST === '::1' || (isIP(this.HOST) === 4 && this.HOST.startsWith('127.'));
  }
}

/** The address of a server that listens on `host`, which may be an IPv6 address. */
export function httpOrigin(host: string, port: number | string): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Thrown with every fault of the settings at once, each line naming the setting and what to do about it. */
export class InvalidEnv extends Error {
  constructor(readonly faults: string[]) {
    super(`These settings need attention:\n${faults.map((f) => `  ${f}`).join('\n')}`);
    this.name = 'InvalidEnv';
  }
}
