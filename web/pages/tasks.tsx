/** What happened to the tasks of an app, by name and queue: how often, how long, how well; then the last failures. */
import { Select } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import type { Tasks } from '../../server/api-tasks.ts';
import { FilterSelect, namesAsOptions } from '../parts/filter-select.tsx';
import { PageHead } from '../parts/page.tsx';
import { Empty, Failed, Loading } from '../parts/states.tsx';
import { TaskFailures } from '../parts/task-failures.tsx';
import { TaskTable } from '../parts/task-table.tsx';
import { TasksUnheard } from '../parts/tasks-unheard.tsx';
import { queries, spans } from '../queries.ts';
import { sorted, type TaskSearch, taskColumns, withins } from '../task-search.ts';

type Change = { [K in keyof TaskSearch]: TaskSearch[K] | undefined };

export function TasksPage() {
  const apps = useQuery(queries.apps());
  const search: TaskSearch = useSearch({ from: '/inside/tasks' });
  const names = (apps.data ?? []).map(({ name }) => name);
  const app = search.app ?? names[0];
  return (
    <>
      <PageHead title="Tasks" top />
      {apps.isPending && <Loading what="the apps" />}
      {apps.isError && !apps.data && (
        <Failed what="The apps could not be loaded" error={apps.error} retry={() => void apps.refetch()} />
      )}
      {apps.data && app === undefined && (
        <Empty title="There is no app yet" action={<Link to="/">Add one</Link>}>
          Tasks belong to an app.
        </Empty>
      )}
      {app !== undefined && <OfApp app={app} names={names} search={search} />}
    </>
  );
}

function OfApp({ app, names, search }: { app: string; names: readonly string[]; search: TaskSearch }) {
  const { span = '1h', within = '1000', queue, task } = search;
  const navigate = useNavigate({ from: '/tasks' });
  const tasks = useQuery(queries.tasks(app, span, Number(within)));
  const set = (change: Change): void => {
    const next = Object.entries({ ...search, ...change }).filter(([, value]) => value !== undefined);
    void navigate({ search: Object.fromEntries(next), replace: true });
  };
  const shown = tasks.data && onQueue(tasks.data, queue);
  const queues = tasks.data?.tasks.map((each) => each.queue) ?? [];
  return (
    <>
      <Filters app={app} names={names} queues={queues} search={search} set={set} />
      {tasks.isPending && <Loading what="the tasks" />}
      {tasks.isError && !tasks.data && (
        <Failed what="The tasks could not be loaded" error={tasks.error} retry={() => void tasks.refetch()} />
      )}
      {shown?.tasks.length === 0 && <TasksUnheard app={app} filtered={queue !== undefined} />}
      {shown && shown.tasks.length > 0 && (
        <TaskTable
          tasks={sorted(shown.tasks, search.sort ?? 'busy', search.turned === true)}
          search={search}
          satisfiedMs={shown.satisfiedMs}
          set={set}
        />
      )}
      {shown && (
        <TaskFailures
          key={app}
          app={app}
          failures={shown.failures.filter((failure) => (task ?? failure.task) === failure.task)}
          task={task}
          onAll={() => set({ task: undefined })}
        />
      )}
    </>
  );
}

function onQueue(data: Tasks, queue: string | undefined): Tasks {
  const isOf = (each: { readonly queue: string }): boolean => (queue ?? each.queue) === each.queue;
  return { ...data, tasks: data.tasks.filter(isOf), failures: data.failures.filter(isOf) };
}

interface FiltersProps {
  readonly app: string;
  readonly names: readonly string[];
  readonly queues: readonly string[];
  readonly search: TaskSearch;
  readonly set: (change: Change) => void;
}

function Filters({ app, names, queues, search, set }: FiltersProps) {
  const one = { size: 'xs', allowDeselect: false } as const;
  return (
    <div className="filters">
      <Select
        {...one}
        label="App"
        data={namesAsOptions(names, app)}
        value={app}
        searchable
        onChange={(value) => value && set({ app: value, queue: undefined, task: undefined })}
      />
      <FilterSelect
        label="Queue"
        all="All queues"
        options={namesAsOptions(queues, search.queue)}
        value={search.queue}
        searchable
        onChange={(queue) => set({ queue, task: undefined })}
      />
      <Select
        {...one}
        label="Time shown"
        data={spans.map(({ key, label }) => ({ value: key, label }))}
        value={search.span ?? '1h'}
        onChange={(value) => set({ span: spans.find(({ key }) => key === value)?.key })}
      />
      <Select
        {...one}
        label="Quick is within"
        data={[...withins]}
        value={search.within ?? '1000'}
        onChange={(value) => set({ within: withins.find((each) => each.value === value)?.value })}
      />
      <Select
        {...one}
        label="Sorted by"
        className="task-sort"
        data={[
          { value: 'task', label: 'Name' },
          ...taskColumns.map(({ key, label }) => ({ value: key, label })),
        ]}
        value={search.sort ?? 'busy'}
        onChange={(value) => set({ sort: sortOf(value), turned: undefined })}
      />
    </div>
  );
}

function sortOf(value: string | null): TaskSearch['sort'] {
  return value === 'task' ? 'task' : taskColumns.find(({ key }) => key === value)?.key;
}
