import type { INestApplicationContext } from '@nestjs/common';

/** The options of a command line, by name; a flag is `true`. */
export type Options = Readonly<Record<string, string | boolean | undefined>>;

/** What a command gives back; printed for people, or as the JSON of `--json`. */
export type Output = Readonly<Record<string, unknown>>;

export interface Command {
  /** As in the help: `--name …` for a required option, `[--name …]` for an optional one, `<name>` for an argument. */
  readonly usage: string;
  readonly summary: string;
  run(app: INestApplicationContext, options: Options, argument: string): Promise<Output>;
}

/** The caller typed something that cannot be run; the message says what is missing. */
export class UsageError extends Error {}

/** @throws {UsageError} when the option is missing or empty */
export function required(options: Options, name: string): string {
  const value = options[name];
  if (typeof value === 'string' && value.trim() !== '') return value;
  throw new UsageError(`--${name} is required`);
}

export function optional(options: Options, name: string): string | null {
  const value = options[name];
  return typeof value === 'string' && value.trim() !== '' ? value : null;
}

/** @throws {UsageError} unless the argument is a UUID */
export function referenceId(argument: string): string {
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(argument)) return argument.toLowerCase();
  throw new UsageError('give the reference_id of a flow, such as 019db49a-860b-74cb-8199-635ca3ad7f59');
}
