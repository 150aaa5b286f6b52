import type { Stage } from './stage';

/** One round's value of a contestant, in the unit of its figure. */
export type Measure = () => Promise<number>;

/** What a figure has to reach: a ratio where it is measured against something, else a value in `unit`. */
export interface Reach {
  readonly sense: 'at least' | 'at most';
  readonly value: number;
}

/** One row of the table. */
export interface Figure {
  /** For `--only`. */
  readonly name: string;
  /** `{rows}` stands for the parameter of that name. */
  readonly title: string;
  readonly unit: string;
  /** The contestant that is measured. */
  readonly of: string;
  /** The contestant that it is measured against, in the same run; none: the value itself has to reach something. */
  readonly against?: string;
  readonly reach: Reach;
}

/** How much of it: every trial has its own for each form, and the command line may change any of them. */
export type Size = Readonly<Record<string, number>>;

/** Figures that share contestants, which take turns within each round. */
export interface Trial {
  readonly figures: readonly Figure[];
  /** `quick` and `long` fall back on `usual`; null: not in that form, unless it is asked for by name. */
  readonly sizes: { readonly usual: Size | null; readonly quick?: Size | null; readonly long?: Size };
  /**
   * Brings up what it needs on the stage. The names of the measures are those of the contestants; only those in `wanted`
   * need be there.
   */
  prepare(stage: Stage, size: Size, wanted: ReadonlySet<string>): Promise<Record<string, Measure>>;
}

/** A figure as it was measured: the raw values, one of each contestant for each round. */
export interface Result {
  readonly figure: Figure;
  readonly size: Size;
  readonly values: readonly number[];
  readonly against: readonly number[];
}

export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  const median = (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle)]!) / 2;
  return { median, least: sorted[0]!, most: sorted.at(-1)! };
}

export function titleOf({ figure, size }: Pick<Result, 'figure' | 'size'>): string {
  return figure.title.replace(/\{(\w+)\}/g, (_, name: string) => (size[name] ?? 0).toLocaleString('en-US'));
}

/** What is compared with the reach: the median of the rounds' own ratios, since both sides of a round had the same machine. */
export function outcome({ values, against }: Result): Spread {
  return spread(against.length === 0 ? values : values.map((value, round) => value / against[round]!));
}

export function isReached(result: Result): boolean {
  const { sense, value } = result.figure.reach;
  const { median } = outcome(result);
  return sense === 'at least' ? median >= value : median <= value;
}

/** Runs a trial's rounds. A first round, in which code and caches warm up, counts for nothing. */
export async function runTrial(
  trial: Trial,
  figures: readonly Figure[],
  stage: Stage,
  size: Size,
  onProgress: (what: string) => void,
): Promise<Result[]> {
  const wanted = new Set(figures.flatMap((f) => (f.against === undefined ? [f.of] : [f.of, f.against])));
  onProgress('preparing');
  const measures = Object.entries(await trial.prepare(stage, size, wanted)).filter(([name]) => wanted.has(name));
  const values = new Map<string, number[]>(measures.map(([name]) => [name, []]));
  const rounds = size.rounds ?? 5;
  for (let round = size.cold ? 1 : 0; round <= rounds; round++) {
    // In turns, each round the other way about: what one contestant leaves behind does not always meet the same one.
    for (const [name, measure] of round % 2 === 0 ? measures : [...measures].reverse()) {
      onProgress(`${round === 0 ? 'warming up' : `round ${round} of ${rounds}`}, ${name}`);
      const value = await measure();
      if (round > 0) values.get(name)!.push(value);
    }
  }
  onProgress('checking');
  await stage.check();
  return figures.map((figure) => ({
    figure,
    size,
    values: values.get(figure.of)!,
    against: figure.against === undefined ? [] : values.get(figure.against)!,
  }));
}
