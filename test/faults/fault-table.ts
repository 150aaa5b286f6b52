import { appendFileSync, existsSync, readFileSync, rmSync } from 'node:fs';
import type { Tally } from '../support/load';

/** Where the rows of one run gather, named by global-setup.ts. */
export const FAULT_TABLE = 'FAULT_TABLE';

interface Row {
  readonly fault: string;
  readonly injected: number;
  readonly accepted: number;
  readonly delivered: number;
  readonly duplicated: number;
  readonly lost: number;
  readonly 'out of order': number;
}

const COLUMNS = ['injected', 'accepted', 'delivered', 'duplicated', 'lost', 'out of order'] as const;
const FAULT_WIDTH = 62;

/** Prints the row of a fault that was injected so often, and keeps it for the table at the end. */
export function report(fault: string, injected: number, result: Tally): void {
  const row: Row = {
    fault,
    injected,
    accepted: result.acknowledged,
    delivered: result.delivered,
    duplicated: result.duplicates,
    lost: result.missing,
    'out of order': result.outOfOrder,
  };
  process.stdout.write(`${lineOf(row)}\n`);
  const file = process.env[FAULT_TABLE];
  if (file) appendFileSync(file, `${JSON.stringify(row)}\n`);
}

/** The table of the run, if any fault was injected. */
export function printTable(): void {
  const file = process.env[FAULT_TABLE];
  if (!file || !existsSync(file)) return;
  const rows = readFileSync(file, 'utf8').trim().split('\n');
  const head = ['fault'.padEnd(FAULT_WIDTH), ...COLUMNS].join('  ');
  const lines = rows.map((row) => lineOf(JSON.parse(row) as Row));
  process.stdout.write(`\n${[head, ...lines].join('\n')}\n`);
  rmSync(file);
}

function lineOf(row: Row): string {
  return [row.fault.padEnd(FAULT_WIDTH), ...COLUMNS.map((name) => String(row[name]).padStart(name.length))].join('  ');
}
