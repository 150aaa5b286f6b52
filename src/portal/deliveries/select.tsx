import type { VNode } from 'preact';

interface SelectProps {
  readonly name: string;
  readonly label: string;
  /** The choice of no choice. */
  readonly any: string;
  readonly chosen: string | null;
  readonly options: readonly (readonly [value: string, label: string])[];
}

/** A choice of a filter, with its label above it. */
export function Select({ name, label, any, chosen, options }: SelectProps): VNode {
  return (
    <label class="filter">
      <span>{label}</span>
      <select name={name}>
        <option value="">{any}</option>
        {options.map(([value, text]) => (
          <option key={value} value={value} selected={value === chosen}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}
