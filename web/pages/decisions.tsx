/** What was decided over all apps, newest first, each with its chain of reasons; the filter stands in the address. */
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import type { DecisionFilter } from '../api.ts';
import { outcomes } from '../decision-filter.ts';
import { AppSelect } from '../parts/app-select.tsx';
import { DecisionList } from '../parts/decisions.tsx';
import { FilterSelect, namesAsOptions } from '../parts/filter-select.tsx';
import { PageHead } from '../parts/page.tsx';
import { Empty } from '../parts/states.tsx';
import { queries } from '../queries.ts';

const kinds = [
  { value: 'changes', label: 'Changes of the number' },
  { value: 'failures', label: 'Failures' },
] as const;

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
      <FilterSelect
        label="Process type"
        all="All process types"
        options={namesAsOptions(types, filter.processType)}
        value={filter.processType}
        searchable
        onChange={(processType) => set({ processType })}
      />
      <FilterSelect
        label="Outcome"
        all="All outcomes"
        options={outcomes}
        value={filter.outcome}
        onChange={(outcome) => set({ outcome })}
      />
      <FilterSelect
        label="Only"
        all="Everything"
        options={kinds}
        value={filter.only}
        onChange={(only) => set({ only })}
      />
    </div>
  );
}

/** Of the app that was chosen, else of all. */
function useTypes({ app }: DecisionFilter): string[] {
  const { data: apps = [] } = useQuery(queries.apps());
  return apps
    .filter(({ name }) => (app ?? name) === name)
    .flatMap(({ managers }) => managers.map((manager) => manager.processType));
}
