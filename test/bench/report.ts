import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, platform, totalmem } from 'node:os';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { isReached, outcome, spread, titleOf, type Result, type Spread } from './figure';

const PROJECT = join(__dirname, '..', '..');
const ROWS = join(__dirname, 'rows.json');
const DOCUMENT = join(PROJECT, 'docs', 'benchmarks.md');
const PEERS = ['pg-boss', 'graphile-worker', 'typeorm', '@nestjs/core', 'express', 'undici', 'pg'];

/** A figure with all that is needed to judge it later; the newest of each name is kept. */
export interface Entry extends Result {
  readonly form: string;
  readonly at: string;
  readonly machine: string;
  readonly versions: string;
}

export function describeMachine(): string {
  const processors = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  const load = loadavg()[0]!.toFixed(1);
  return `${processors.length} × ${processors[0]?.model.trim()}, ${memory} GiB, ${platform()}, load ${load} before the run`;
}

export function describeVersions(postgres: { version: string; settings: string }): string {
  const peers = PEERS.map((name) => {
    const { version } = JSON.parse(readFileSync(join(PROJECT, 'node_modules', name, 'package.json'), 'utf8')) as {
      version: string;
    };
    return `${name} ${version}`;
  });
  return [`Node ${process.versions.node}`, `PostgreSQL ${postgres.version} (${postgres.settings})`, ...peers].join(
    ', ',
  );
}

export function table(results: readonly Result[]): string {
  const head = ['Figure', 'Median', 'Against', 'Ratio (least–most)', 'Reach', ''];
  return markdownTable([head, ...results.map(tableRow)]);
}

/** Keeps the figures of this run and writes the document anew from all that are kept. */
export async function record(entries: readonly Entry[]): Promise<void> {
  const kept = existsSync(ROWS) ? (JSON.parse(readFileSync(ROWS, 'utf8')) as Entry[]) : [];
  const names = new Set(entries.map((e) => e.figure.name));
  const all = [...kept.filter((e) => !names.has(e.figure.name)), ...entries].sort((a, b) => order(a) - order(b));
  await write(ROWS, JSON.stringify(all));
  await write(DOCUMENT, document(all));
}

let known: readonly string[] = [];

/** In this order the figures stand in the document. */
export function setOrder(names: readonly string[]): void {
  known = names;
}

function order({ figure }: Entry): number {
  return known.indexOf(figure.name);
}

async function write(path: string, text: string): Promise<void> {
  writeFileSync(path, await format(text, { ...(await resolveConfig(path)), filepath: path }));
}

function document(entries: readonly Entry[]): string {
  const missed = entries.filter((e) => !isReached(e)).map((e) => `\`${e.figure.name}\``);
  const runs = [...new Map(entries.map((e) => [e.machine + e.versions, e])).values()];
  return `# Benchmarks

Written by \`npm run bench\` (a few minutes), \`npm run bench -- --quick\` (under one), \`npm run bench -- --long\` (an hour and
more: the sizes of the goals) and \`npm run bench -- --only <name>\`. Each run replaces the figures that it measured; what the
figures mean for a deployment stands in [scaling.md](scaling.md).

Absolute figures drift on shared machines. So the two sides of a figure take turns in one run, the ratio is that of each
round, and its median counts, with the least and the most beside it. A run is void, and nothing of it is kept, unless every
write that was acknowledged reached the receiver exactly once with a valid signature.

${table(entries)}

${missed.length === 0 ? 'Every figure reaches its goal.' : `Not reached: ${missed.join(', ')}.`}

## Runs

${runs.map((e) => `- ${e.at}: ${e.machine}. ${e.versions}.`).join('\n')}

## Rows

One value of each contestant for each round, in the order in which they were measured.

${entries.map(rows).join('\n\n')}
`;
}

function rows({ figure, size, form, at, values, against }: Entry): string {
  const parameters = Object.entries(size).map(([name, value]) => `${name} ${value}`);
  const head = ['', ...values.map((_, round) => String(round + 1))];
  const body = [[figure.of, ...values.map(number)]];
  if (figure.against !== undefined) body.push([figure.against, ...against.map(number)]);
  return `### \`${figure.name}\`

${titleOf({ figure, size })}, in ${figure.unit}; ${form} form, ${parameters.join(', ')}; ${at}

${markdownTable([head, ...body])}`;
}

function tableRow(result: Result): string[] {
  const { figure, values, against } = result;
  const measured = spread(values);
  const other = against.length > 0 ? spread(against) : undefined;
  const { sense, value } = figure.reach;
  const unit = other === undefined ? ` ${figure.unit}` : '';
  return [
    `${titleOf(result)} (\`${figure.name}\`)`,
    `${number(measured.median)} ${figure.unit}`,
    other === undefined ? '' : number(other.median),
    range(outcome(result)),
    `${sense === 'at least' ? '≥' : '≤'} ${value}${unit}`,
    isReached(result) ? 'reached' : '**missed**',
  ];
}

function range({ median, least, most }: Spread): string {
  return `${number(median)} (${number(least)}–${number(most)})`;
}

function number(value: number): string {
  return value >= 100 ? String(Math.round(value)) : value.toFixed(2);
}

function markdownTable(cells: readonly string[][]): string {
  const widths = cells[0]!.map((_, column) => Math.max(3, ...cells.map((row) => row[column]!.length)));
  const line = (row: readonly string[]): string => `| ${row.map((cell, i) => cell.padEnd(widths[i]!)).join(' | ')} |`;
  const [head, ...body] = cells;
  return [line(head!), line(widths.map((width) => '-'.repeat(width))), ...body.map(line)].join('\n');
}

/** Of the source that was measured. */
export function commit(): string {
  const git = (...args: string[]) => execFileSync('git', args, { cwd: PROJECT, encoding: 'utf8' }).trim();
  try {
    return (
      git('rev-parse', '--short', 'HEAD') +
      (git('status', '--porcelain', 'src', 'migrations') === '' ? '' : ' and changes')
    );
  } catch {
    return 'unknown';
  }
}
