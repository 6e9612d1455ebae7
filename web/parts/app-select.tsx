/** One app of all, or none: a filter. */
import { Select } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { queries } from '../queries.ts';

interface AppSelectProps {
  readonly value: string | undefined;
  readonly onChange: (app: string | undefined) => void;
}

export function AppSelect({ value, onChange }: AppSelectProps) {
  const { data: apps = [] } = useQuery(queries.apps());
  // What stands in the address is shown, also when that app is gone.
  const names = [...new Set([...apps.map(({ name }) => name), ...(value ? [value] : [])])].sort();
  return (
    <Select
      size="xs"
      label="App"
      placeholder="All apps"
      data={names}
      value={value ?? null}
      searchable
      clearable
      limit={100}
      nothingFoundMessage="No app of this name"
      clearButtonProps={{ 'aria-label': 'All apps', tabIndex: 0 }}
      onChange={(app) => onChange(app ?? undefined)}
    />
  );
}
