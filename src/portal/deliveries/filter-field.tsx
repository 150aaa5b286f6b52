import type { ComponentChildren, VNode } from 'preact';

interface FilterFieldProps {
  /** Of the control within. */
  readonly id: string;
  readonly label: string;
  readonly children: ComponentChildren;
}

/** A control of a filter, with its label above it. */
export function FilterField({ id, label, children }: FilterFieldProps): VNode {
  return (
    <div class="filter">
      <label for={id}>{label}</label>
      {children}
    </div>
  );
}

interface SelectProps {
  readonly name: string;
  readonly label: string;
  /** The choice of no choice. */
  readonly any: string;
  readonly chosen: string | null;
  readonly options: readonly (readonly [value: string, label: string])[];
}

export function Select({ name, label, any, chosen, options }: SelectProps): VNode {
  const id = `filter-${name}`;
  return (
    <FilterField id={id} label={label}>
      <select id={id} name={name}>
        <option value="">{any}</option>
        {options.map(([value, text]) => (
          <option key={value} value={value} selected={value === chosen}>
            {text}
          </option>
        ))}
      </select>
    </FilterField>
  );
}
