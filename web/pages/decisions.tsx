/** What was decided over all apps, newest first, each with its chain of reasons; the filter stands in the address. */
import { Select } from '@mantine/core';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import type { DecisionFilter } from '../api.ts';
import { outcomes } from '../decision-filter.ts';
import { AppSelect } from '../parts/app-select.tsx';
import { DecisionList } from '../parts/decisions.tsx';
import { PageHead } from '../parts/page.tsx';
import { Empty } from '../parts/states.tsx';
import { queries } from '../queries.ts';

export function DecisionsPage() {
  const filter: DecisionFilter = useSearch({ from: '/inside/decisions' });
  const query = useInfiniteQuery(queries.found(filter));
  const filtered = Object.keys(filter).length > 0;
  return (
    <>
      <PageHead title="Decisions" top />
      <Filters filter={filter} />
      <div className="card listed">
        <DecisionList query={query}>
          <Empty title={filtered ? 'No decision is like this' : 'Nothing was decided yet'}>
            {filtered
              ? 'Take a part of the filter away.'
              : 'A decision is written down when it changes the number, when a platform refuses it, and when a reading becomes unknown or known.'}
          </Empty>
        </DecisionList>
      </div>
    </>
  );
}

function Filters({ filter }: { filter: DecisionFilter }) {
  const navigate = useNavigate({ from: '/decisions' });
  const types = useTypes(filter);
  const set = (change: { [K in keyof DecisionFilter]: DecisionFilter[K] | undefined }): void => {
    const next = Object.entries({ ...filter, ...change }).filter(([, value]) => value !== undefined);
    void navigate({ search: Object.fromEntries(next), replace: true });
  };
  return (
    <div className="filters">
      <AppSelect value={filter.app} onChange={(app) => set({ app, processType: undefined })} />
      <Select
        size="xs"
        label="Process type"
        placeholder="All process types"
        data={types}
        value={filter.processType ?? null}
        searchable
        clearable
        limit={100}
        clearButtonProps={{ 'aria-label': 'All process types', tabIndex: 0 }}
        onChange={(processType) => set({ processType: processType ?? undefined })}
      />
      <Select
        size="xs"
        label="Outcome"
        placeholder="All outcomes"
        data={[...outcomes]}
        value={filter.outcome ?? null}
        clearable
        clearButtonProps={{ 'aria-label': 'All outcomes', tabIndex: 0 }}
        onChange={(outcome) => set({ outcome: outcome ?? undefined })}
      />
      <Select
        size="xs"
        label="Only"
        placeholder="Everything"
        data={[
          { value: 'changes', label: 'Changes of the number' },
          { value: 'failures', label: 'Failures' },
        ]}
        value={filter.only ?? null}
        clearable
        clearButtonProps={{ 'aria-label': 'Everything', tabIndex: 0 }}
        onChange={(only) => set({ only: only ?? undefined })}
      />
    </div>
  );
}

/** Of the app that was chosen, else of all. */
function useTypes({ app, processType }: DecisionFilter): string[] {
  const { data: apps = [] } = useQuery(queries.apps());
  const types = apps
    .filter(({ name }) => (app ?? name) === name)
    .flatMap(({ managers }) => managers.map((manager) => manager.processType));
  return [...new Set([...types, ...(processType ? [processType] : [])])].sort();
}
