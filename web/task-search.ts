/** What the page of tasks shows, as it stands in the address, and the order of its rows. What makes no sense is left out. Pure. */
import type { TaskTotals } from '../server/api-tasks.ts';
import { type SpanKey, spans } from './queries.ts';

export const taskColumns = [
  { key: 'busy', label: 'Time taken', of: ({ runMs }) => runMs && runMs.mean * runMs.count },
  { key: 'rate', label: 'Rate', of: ({ perSecond }) => perSecond },
  { key: 'p50', label: 'Run p50', of: ({ runMs }) => runMs?.p50 },
  { key: 'p95', label: 'p95', of: ({ runMs }) => runMs?.p95 },
  { key: 'p99', label: 'p99', of: ({ runMs }) => runMs?.p99 },
  { key: 'wait', label: 'Wait p95', of: ({ waitMs }) => waitMs?.p95 },
  { key: 'failed', label: 'Failed', of: ({ failed }) => failed },
  { key: 'retried', label: 'Retried', of: ({ retried }) => retried },
  { key: 'score', label: 'Score', of: ({ apdex }) => apdex },
] as const satisfies readonly {
  readonly key: string;
  readonly label: string;
  readonly of: (totals: TaskTotals) => number | undefined;
}[];

export type TaskOrder = (typeof taskColumns)[number]['key'] | 'task';

export const withins = [
  { value: '100', label: '100 ms' },
  { value: '1000', label: '1 s' },
  { value: '10000', label: '10 s' },
  { value: '60000', label: '1 min' },
  { value: '600000', label: '10 min' },
] as const;

export interface TaskSearch {
  readonly app?: string;
  readonly queue?: string;
  readonly task?: string;
  readonly span?: SpanKey;
  readonly sort?: TaskOrder;
  /** Against the order in which one looks for trouble. */
  readonly turned?: true;
  readonly within?: (typeof withins)[number]['value'];
}

export function taskSearch(search: Readonly<Record<string, unknown>>): TaskSearch {
  const text = (name: string) => {
    const value = search[name];
    return typeof value === 'string' && value !== '' ? { [name]: value } : {};
  };
  const span = spans.find(({ key }) => key === search.span)?.key;
  const sort = search.sort === 'task' ? 'task' : taskColumns.find(({ key }) => key === search.sort)?.key;
  // The router reads a bare number of the address as one.
  const within = withins.find(({ value }) => value === String(search.within))?.value;
  return {
    ...text('app'),
    ...text('queue'),
    ...text('task'),
    ...(span && { span }),
    ...(sort && { sort }),
    ...(search.turned === true && { turned: true as const }),
    ...(within && { within }),
  };
}

/** What troubles most first: the largest, the worst score, names from A. What is not known comes last, turned or not. */
export function sorted(tasks: readonly TaskTotals[], sort: TaskOrder, turned: boolean): TaskTotals[] {
  const column = taskColumns.find(({ key }) => key === sort);
  const rises = (sort === 'score') !== turned;
  return tasks.toSorted((a, b) => {
    const byName = a.task.localeCompare(b.task) || a.queue.localeCompare(b.queue);
    if (!column) return turned ? -byName : byName;
    const [left, right] = [column.of(a), column.of(b)];
    if (left === undefined || right === undefined)
      return Number(left === undefined) - Number(right === undefined) || byName;
    return (rises ? left - right : right - left) || byName;
  });
}
