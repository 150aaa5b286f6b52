import type { VNode } from 'preact';
import { Card } from '../page/elements';
import { daily, hourly, sum, total, type Range, type Slot } from './chart-slots';
import { FiguresTable } from './figures-table';
import type { Overview } from './overview.service';
import { Patterns, StackedBars, Swatch, type Bar, type Fill } from './stacked-bars';
import { day, hour, latency, number } from './words';

const HOUR_MS = 3_600_000;
const WORDS: Readonly<Record<Range, string>> = { '24h': 'the last 24 hours', '7d': 'the last 7 days' };

type Props = Pick<Overview, 'figures' | 'now'> & { readonly range: Range };

/** What was delivered, and how fast it was answered, in pictures and in figures. */
export function DeliveriesCard({ figures, now, range }: Props): VNode {
  const slots = hourly(figures.hours, range, now);
  const all = total(figures.hours, slots[0]?.at ?? now);
  const step = range === '7d' ? 24 : 6;
  const axis = slots.filter((_, n) => n % step === 0).map(({ at }) => axisName(at, range));
  const words = WORDS[range];
  return (
    <Card
      title="Deliveries"
      lead={`Every attempt of ${words}, by the hour. Times are UTC; tests from the portal are not counted.`}
      aside={<RangeLinks range={range} />}
    >
      <Patterns />
      {!figures.complete && <p class="hint">More comes in than is counted at once: the newest are not all here yet.</p>}
      <Legend {...all} />
      <StackedBars label={deliveriesInWords(all, slots, words)} bars={slots.map(outcomes)} axis={axis} scale={number} />
      <h3 class="chart-title">Time until your endpoint answered</h3>
      <ul class="legend">
        <Entry fill="median" name="Median (p50)" figure={latency(all.p50)} />
        <Entry fill="slow" name="95th percentile (p95)" figure={latency(all.p95)} />
      </ul>
      <StackedBars label={latencyInWords(all, words)} bars={slots.map(latencies)} axis={axis} scale={latency} />
      <FiguresTable slots={range === '7d' ? daily(figures.hours, now) : slots} by={range === '7d' ? 'Day' : 'Hour'} />
    </Card>
  );
}

function RangeLinks({ range }: { range: Range }): VNode {
  return (
    <nav class="segments" aria-label="Range of the charts">
      <a href="/portal" aria-current={range === '24h' ? 'true' : undefined}>
        24 hours
      </a>
      <a href="/portal?range=7d" aria-current={range === '7d' ? 'true' : undefined}>
        7 days
      </a>
    </nav>
  );
}

function Legend({ attempts }: Slot): VNode {
  return (
    <ul class="legend">
      <Entry fill="delivered" name="Delivered" figure={number(attempts.success)} />
      <Entry fill="refused" name="Refused" figure={number(attempts.failure)} />
      <Entry fill="silent" name="No answer" figure={number(attempts.error)} />
    </ul>
  );
}

function Entry({ fill, name, figure }: { fill: Fill; name: string; figure: string }): VNode {
  return (
    <li>
      <span class="legend-name">
        <Swatch fill={fill} /> {name}
      </span>
      <strong>{figure}</strong>
    </li>
  );
}

function outcomes({ at, attempts }: Slot): Bar {
  return {
    parts: [
      ['delivered', attempts.success],
      ['refused', attempts.failure],
      ['silent', attempts.error],
    ],
    title: `${stretch(at)}: ${inWords(attempts)}`,
  };
}

function latencies({ at, p50, p95 }: Slot): Bar {
  return {
    parts: [
      ['median', p50 ?? 0],
      ['slow', (p95 ?? 0) - (p50 ?? 0)],
    ],
    title: `${stretch(at)}: ${p50 === null ? 'no answer' : `p50 ${latency(p50)}, p95 ${latency(p95)}`}`,
  };
}

function axisName(at: number, range: Range): readonly [string, string] {
  if (range === '24h') return [hour(at), ''];
  const [weekday = '', ...date] = day(at).split(' ');
  return [weekday, date.join(' ')];
}

function stretch(at: number): string {
  return `${day(at)}, ${hour(at)} to ${hour(at + HOUR_MS)} UTC`;
}

function inWords({ success, failure, error }: Slot['attempts']): string {
  return `${number(success)} delivered, ${number(failure)} refused, ${number(error)} without an answer`;
}

function deliveriesInWords(all: Slot, slots: readonly Slot[], words: string): string {
  const [most] = slots.toSorted((a, b) => sum(b) - sum(a));
  const peak =
    most === undefined || sum(most) === 0 ? '' : ` The most in one hour: ${number(sum(most))}, ${stretch(most.at)}.`;
  return `Deliveries of ${words}: ${inWords(all.attempts)}.${peak} The table below has the figures.`;
}

function latencyInWords({ p50, p95 }: Slot, words: string): string {
  if (p50 === null) return `Nothing was answered in ${words}.`;
  return `Answers of ${words}: half came within ${latency(p50)}, 95 % within ${latency(p95)}. The table below has the figures.`;
}
