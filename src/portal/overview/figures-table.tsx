import type { VNode } from 'preact';
import { sum, type Slot } from './chart-slots';
import { day, hour, latency, number } from './words';

/** The charts for those who want the figures, or do not see pictures; newest first. */
export function FiguresTable({ slots, by }: { slots: readonly Slot[]; by: 'Hour' | 'Day' }): VNode {
  const rows = slots.filter((slot) => sum(slot) > 0).toReversed();
  return (
    <details>
      <summary>The figures as a table</summary>
      <table class="figures">
        <caption class="hint">
          {by === 'Hour' ? 'Hours' : 'Days'} without a delivery are left out. Times are right to 10 %.
        </caption>
        <thead>
          <tr>
            <th scope="col">{by} (UTC)</th>
            <th scope="col">Delivered</th>
            <th scope="col">Refused</th>
            <th scope="col">No answer</th>
            <th scope="col">p50</th>
            <th scope="col">p95</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ at, attempts, p50, p95 }) => (
            <tr key={at}>
              <td data-label={by}>{by === 'Hour' ? `${day(at)}, ${hour(at)}` : day(at)}</td>
              <td data-label="Delivered">{number(attempts.success)}</td>
              <td data-label="Refused">{number(attempts.failure)}</td>
              <td data-label="No answer">{number(attempts.error)}</td>
              <td data-label="p50">{latency(p50)}</td>
              <td data-label="p95">{latency(p95)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}
