/** One app, or all: a filter. */
import { useQuery } from '@tanstack/react-query';
import { queries } from '../queries.ts';
import { FilterSelect, namesAsOptions } from './filter-select.tsx';

interface AppSelectProps {
  readonly value: string | undefined;
  readonly onChange: (app: string | undefined) => void;
}

export function AppSelect({ value, onChange }: AppSelectProps) {
  const { data: apps = [] } = useQuery(queries.apps());
  const names = apps.map(({ name }) => name);
  return (
    <FilterSelect
      label="App"
      all="All apps"
      options={namesAsOptions(names, value)}
      value={value}
      searchable
      onChange={onChange}
    />
  );
}
