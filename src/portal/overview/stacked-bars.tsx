import type { VNode } from 'preact';

/** How a part of a bar is drawn; each is told from the others without its colour. */
export type Fill = 'delivered' | 'refused' | 'silent' | 'median' | 'slow';

export interface Bar {
  /** From the bottom up. */
  readonly parts: readonly (readonly [Fill, number])[];
  /** What the pointer finds out. */
  readonly title: string;
}

interface StackedBarsProps {
  /** All that the picture says, for those who do not see it. */
  readonly label: string;
  readonly bars: readonly Bar[];
  /** Names for equal stretches of the axis, each standing at its beginning; the second part is left out where it is narrow. */
  readonly axis: readonly (readonly [string, string])[];
  readonly scale: (value: number) => string;
}

const HEIGHT = 100;
const SLOT = 10;
/** So much is seen of the least part: one failure among thousands is what people come for. */
const LEAST = 4;

/** Bars over time. The picture is stretched to its place, so all text stands outside of it. */
export function StackedBars({ label, bars, axis, scale }: StackedBarsProps): VNode {
  const top = niceTop(Math.max(...bars.map(({ parts }) => parts.reduce((sum, [, value]) => sum + value, 0))));
  return (
    <div class="chart">
      <div class="chart-scale" aria-hidden="true">
        <span>{scale(top)}</span>
        <span>{scale(top / 2)}</span>
        <span>{scale(0)}</span>
      </div>
      <svg
        class="chart-bars"
        viewBox={`0 0 ${bars.length * SLOT} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={label}
      >
        {[0, 0.5, 1].map((part) => (
          <line
            class="chart-line"
            key={part}
            x1={0}
            x2={bars.length * SLOT}
            y1={HEIGHT * part}
            y2={HEIGHT * part}
            vector-effect="non-scaling-stroke"
          />
        ))}
        {outlines(bars, top).map(([fill, outline]) => (
          <path key={fill} d={outline} {...paint(fill)} />
        ))}
        {bars.map(({ title }, n) => (
          <rect key={n} class="chart-hit" x={n * SLOT} width={SLOT} height={HEIGHT}>
            <title>{title}</title>
          </rect>
        ))}
      </svg>
      <div class={`chart-axis of-${axis.length}`} aria-hidden="true">
        {axis.map(([name, rest]) => (
          <span key={name}>
            {name}
            {rest !== '' && <span class="axis-rest"> {rest}</span>}
          </span>
        ))}
      </div>
    </div>
  );
}

/** All parts of one fill as one shape: a week of bars would else be a thousand elements. */
function outlines(bars: readonly Bar[], top: number): (readonly [Fill, string])[] {
  const drawn = new Map<Fill, string>();
  for (const [n, { parts }] of bars.entries()) {
    let y = HEIGHT;
    for (const [fill, value] of parts.filter((part) => part[1] > 0)) {
      const height = round(Math.min(y, Math.max(LEAST, (value / top) * HEIGHT)));
      y = round(y - height);
      drawn.set(fill, `${drawn.get(fill) ?? ''}M${n * SLOT + 1} ${y}h${SLOT - 2}v${height}h${2 - SLOT}z`);
    }
  }
  return [...drawn];
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

const STRIPED: Partial<Record<Fill, string>> = { refused: 'stripes-refused', slow: 'stripes-slow' };

function paint(fill: Fill): { class: string } | { fill: string } {
  const pattern = STRIPED[fill];
  return pattern === undefined ? { class: `fill-${fill}` } : { fill: `url(#${pattern})` };
}

/** Lying stripes, since the picture is stretched in its width only. Once in a page, before what is filled with them. */
export function Patterns(): VNode {
  return (
    <svg class="patterns" width="0" height="0" aria-hidden="true" focusable="false">
      <defs>
        {Object.entries(STRIPED).map(([fill, id]) => (
          <pattern key={id} id={id} width="4" height="4" patternUnits="userSpaceOnUse">
            <rect class={`ground-${fill}`} width="4" height="4" />
            <rect class={`fill-${fill}`} width="4" height="2" />
          </pattern>
        ))}
      </defs>
    </svg>
  );
}

/** A part's look, beside its name and figure. */
export function Swatch({ fill }: { fill: Fill }): VNode {
  return (
    <svg class="swatch" viewBox="0 0 12 12" width="12" height="12" aria-hidden="true" focusable="false">
      <rect width="12" height="12" {...paint(fill)} />
    </svg>
  );
}

/** The least round number that is no less, and whose half is one too. */
function niceTop(value: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  const steps = power === 1 ? [2, 4, 6, 8, 10] : [1, 1.2, 1.6, 2, 3, 4, 6, 8, 10];
  return Math.round((steps.find((step) => step * power >= value) ?? 10) * power);
}
