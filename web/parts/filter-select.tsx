/** One of several, or all: a filter. "All" is an option among the others, so that a keyboard takes a filter away too. */
import { Select } from '@mantine/core';

interface FilterSelectProps<Value extends string> {
  readonly label: string;
  /** What stands there while nothing is filtered. */
  readonly all: string;
  readonly options: readonly { readonly value: Value; readonly label: string }[];
  readonly value: Value | undefined;
  readonly onChange: (value: Value | undefined) => void;
  readonly searchable?: boolean;
}

export function FilterSelect<Value extends string>(props: FilterSelectProps<Value>) {
  const { label, all, options, value, onChange, searchable = false } = props;
  return (
    <Select
      size="xs"
      label={label}
      data={[{ value: '', label: all }, ...options]}
      value={value ?? ''}
      allowDeselect={false}
      searchable={searchable}
      limit={100}
      nothingFoundMessage="Nothing of this name"
      // What is typed then replaces the name that stands there.
      onFocus={(event) => searchable && event.currentTarget.select()}
      onChange={(next) => onChange(options.find((option) => option.value === next)?.value)}
    />
  );
}

/** Names as options, in order; what is chosen already is among them, also when it is gone. */
export function namesAsOptions(names: readonly string[], chosen: string | undefined) {
  return [...new Set([...names, ...(chosen ? [chosen] : [])])]
    .sort()
    .map((name) => ({ value: name, label: name }));
}
