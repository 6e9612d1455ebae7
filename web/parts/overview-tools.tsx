/** How the overview is sorted and filtered: by a name, by what apps do, and by any of the numbers. */
import { Button, NativeSelect, TextInput, UnstyledButton } from '@mantine/core';
import {
  type OverviewOrder,
  type OverviewSearch,
  overviewColumns,
  overviewSearch,
  overviewShows,
} from '../overview-lines.ts';

interface SortProps {
  readonly search: OverviewSearch;
  readonly set: (search: OverviewSearch) => void;
}

interface ToolsProps extends SortProps {
  readonly text: string;
  readonly onText: (text: string) => void;
  readonly allOpen: boolean;
  readonly onAll: () => void;
}

export function OverviewTools({ text, onText, search, set, allOpen, onAll }: ToolsProps) {
  const choose = (change: Record<string, unknown>): void => set(overviewSearch({ ...search, ...change }));
  return (
    <div className="filters overview-tools">
      <TextInput
        size="xs"
        type="search"
        label="Name"
        aria-label="Show only apps and managers with this in their name"
        placeholder="of an app or manager"
        value={text}
        onChange={(event) => onText(event.currentTarget.value)}
      />
      <NativeSelect
        size="xs"
        label="Show"
        data={[{ value: '', label: 'All apps' }, ...overviewShows]}
        value={search.show ?? ''}
        onChange={(event) => choose({ show: event.currentTarget.value })}
      />
      <NativeSelect
        size="xs"
        label="Sorted by"
        className="overview-sort"
        data={overviewColumns.map(({ key, label }) => ({ value: key, label }))}
        value={search.sort ?? 'state'}
        onChange={(event) => choose({ sort: event.currentTarget.value, turned: undefined })}
      />
      <Button size="xs" variant="default" onClick={onAll}>
        {allOpen ? 'Close all' : 'Open all'}
      </Button>
    </div>
  );
}

/** On a wide screen the labels of the columns stand once, above them, and sort. */
export function OverviewHeads({ search, set }: SortProps) {
  const { sort: by = 'state', turned, ...rest } = search;
  const sort = (key: OverviewOrder): void =>
    set({ ...rest, sort: key, ...(key === by && !turned ? { turned: true } : {}) });
  const down = (key: OverviewOrder): boolean => (key === 'name') === (turned === true);
  return (
    <fieldset className="overview-heads app-line" aria-label="Sort the apps">
      {overviewColumns.map(({ key, label }) => (
        <UnstyledButton
          key={key}
          data-column={key}
          aria-pressed={key === by}
          className="tasks-head"
          onClick={() => sort(key)}
        >
          {label}
          {key === by && <span aria-hidden>{down(key) ? ' ▼' : ' ▲'}</span>}
        </UnstyledButton>
      ))}
    </fieldset>
  );
}
