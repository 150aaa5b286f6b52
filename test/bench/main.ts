// npm run bench [-- --quick | --long] [--only <name>[,<name>…]] [--<parameter> <number> …]
import { parseArgs } from 'node:util';
import { BenchServer } from './bench-database';
import { runTrial, type Figure, type Result, type Size, type Trial } from './figure';
import { commit, describeMachine, describeVersions, record, setOrder, table } from './report';
import { Stage } from './stage';
import { TRIALS } from './trials';

type Form = 'quick' | 'usual' | 'long';

interface Choice {
  readonly form: Form;
  readonly only: ReadonlySet<string> | null;
  /** Parameters of the command line, which override those of the form. */
  readonly given: Size;
}

function readArguments(): Choice {
  const { values, tokens } = parseArgs({
    options: { quick: { type: 'boolean' }, long: { type: 'boolean' }, only: { type: 'string' } },
    strict: false,
    tokens: true,
  });
  const given: Record<string, number> = {};
  for (const [index, token] of tokens.entries()) {
    if (token.kind !== 'option' || ['quick', 'long', 'only'].includes(token.name)) continue;
    const next = tokens[index + 1];
    given[token.name] = Number(token.value ?? (next?.kind === 'positional' ? next.value : NaN));
    if (Number.isNaN(given[token.name])) throw new Error(`--${token.name} takes a number`);
  }
  const names = TRIALS.flatMap((t) => t.figures.map((f) => f.name));
  const only = typeof values.only === 'string' ? new Set(values.only.split(',')) : null;
  const unknown = [...(only ?? [])].filter((name) => !names.includes(name));
  if (unknown.length > 0) throw new Error(`No figure ${unknown.join(', ')}. There are: ${names.join(', ')}`);
  return { form: values.quick ? 'quick' : values.long ? 'long' : 'usual', only, given };
}

/** Null: the trial is not part of this run. */
function sizeOf({ sizes }: Trial, { form, only, given }: Choice): Size | null {
  const size = form === 'usual' || sizes[form] === undefined ? sizes.usual : sizes[form];
  // Asked for by name, it runs in the smallest form that it has.
  const chosen = size ?? (only === null ? null : (sizes.usual ?? sizes.long ?? null));
  return chosen && { ...chosen, ...given };
}

function chosenFigures(trial: Trial, { only }: Choice): Figure[] {
  return trial.figures.filter((figure) => only === null || only.has(figure.name));
}

/** One line, overwritten; where nobody watches, one line each. */
function progress(text: string): void {
  process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${text}` : `${text}\n`);
}

async function measure(choice: Choice, server: BenchServer): Promise<Result[]> {
  const chosen = TRIALS.flatMap((trial) => {
    const figures = chosenFigures(trial, choice);
    const size = sizeOf(trial, choice);
    return size === null || figures.length === 0 ? [] : [{ trial, figures, size }];
  });
  const results: Result[] = [];
  const begun = Date.now();
  for (const [index, { trial, figures, size }] of chosen.entries()) {
    const stage = new Stage(server);
    const label = `[${index + 1}/${chosen.length}] ${figures.map((f) => f.name).join(', ')}`;
    try {
      const tell = (what: string) => progress(`${Math.round((Date.now() - begun) / 1000)} s ${label}: ${what}`);
      results.push(...(await runTrial(trial, figures, stage, size, tell)));
    } finally {
      await stage.strike();
    }
  }
  return results;
}

async function main(): Promise<void> {
  const choice = readArguments();
  const machine = describeMachine();
  setOrder(TRIALS.flatMap((t) => t.figures.map((f) => f.name)));
  const server = await BenchServer.start();
  try {
    const versions = `Gateway ${commit()}, ${describeVersions(await server.describe())}`;
    const results = await measure(choice, server);
    progress('');
    process.stdout.write(`\n${machine}\n${versions}\n\n${table(results)}\n`);
    const at = `${new Date().toISOString().slice(0, 16)}Z`;
    await record(results.map((result) => ({ ...result, form: choice.form, at, machine, versions })));
  } finally {
    await server.stop();
  }
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

main().then(
  () => process.exit(),
  (error: unknown) => {
    process.stderr.write(`\n${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exit(1);
  },
);
