/** Tasks by name and queue, a line each; the heads sort. On a narrow screen a line becomes a card with its labels. */
import { UnstyledButton } from '@mantine/core';
import type { TaskTotals } from '../../server/api-tasks.ts';
import { count, seconds } from '../formats.ts';
import { type TaskOrder, type TaskSearch, taskColumns } from '../task-search.ts';

interface TaskTableProps {
  readonly tasks: readonly TaskTotals[];
  readonly search: TaskSearch;
  readonly satisfiedMs: number;
  readonly set: (change: Pick<TaskSearch, 'task'> | TaskSort) => void;
}

interface TaskSort {
  readonly sort: TaskOrder;
  readonly turned: true | undefined;
}

type Column = (typeof taskColumns)[number];

export function TaskTable({ tasks, search, satisfiedMs, set }: TaskTableProps) {
  const { sort = 'busy', turned } = search;
  const sortBy = (key: TaskOrder): void =>
    set({ sort: key, turned: key === sort && !turned ? true : undefined });
  return (
    <section className="card listed" aria-labelledby="by-name">
      <h2 id="by-name">By name</h2>
      <table className="tasks">
        <thead>
          <tr>
            <Head name="task" label="Task" sort={sort} turned={turned === true} onSort={sortBy} />
            {taskColumns.map(({ key, label }) => (
              <Head key={key} name={key} label={label} sort={sort} turned={turned === true} onSort={sortBy} />
            ))}
          </tr>
        </thead>
        <tbody>
          {tasks.map((totals) => (
            <Row
              key={JSON.stringify([totals.task, totals.queue])}
              totals={totals}
              chosen={totals.task === search.task}
              onChoose={(task) => set({ task } as Pick<TaskSearch, 'task'>)}
            />
          ))}
        </tbody>
      </table>
      <p className="tasks-note">
        Score: a task that ended well within {seconds(satisfiedMs / 1_000)} counts 1, within{' '}
        {seconds((4 * satisfiedMs) / 1_000)} a half, later or failed nothing. Percentiles are at most 5 % too
        high. A wait is known where producers tell when they sent.
      </p>
    </section>
  );
}

interface HeadProps {
  readonly name: TaskOrder;
  readonly label: string;
  readonly sort: TaskOrder;
  readonly turned: boolean;
  readonly onSort: (name: TaskOrder) => void;
}

function Head({ name, label, sort, turned, onSort }: HeadProps) {
  const rises = (name === 'score' || name === 'task') !== turned;
  return (
    <th scope="col" {...(sort === name && { 'aria-sort': rises ? 'ascending' : 'descending' })}>
      <UnstyledButton className="tasks-head" onClick={() => onSort(name)}>
        {label}
        {sort === name && <span aria-hidden>{rises ? ' ▲' : ' ▼'}</span>}
      </UnstyledButton>
    </th>
  );
}

interface RowProps {
  readonly totals: TaskTotals;
  readonly chosen: boolean;
  readonly onChoose: (task: string | undefined) => void;
}

function Row({ totals, chosen, onChoose }: RowProps) {
  const { task, queue } = totals;
  return (
    <tr data-chosen={chosen}>
      <th scope="row">
        <UnstyledButton
          className="tasks-name cut"
          title={`${task}: its failures`}
          aria-pressed={chosen}
          onClick={() => onChoose(chosen ? undefined : task)}
        >
          {task}
        </UnstyledButton>
        <span className="tasks-queue cut" title={queue}>
          {queue}
        </span>
      </th>
      {taskColumns.map((column) => (
        <td key={column.key} data-label={column.label} data-tone={toneOf(column, totals)}>
          {textOf(column, totals)}
        </td>
      ))}
    </tr>
  );
}

function textOf({ key, of }: Column, totals: TaskTotals): string {
  const value = of(totals);
  if (value === undefined) return '–';
  if (key === 'rate') return rate(value);
  if (key === 'score') return value.toFixed(2);
  if (key === 'failed') return withShare(value, totals.succeeded + totals.failed);
  return key === 'retried' ? count(value) : seconds(value / 1_000);
}

/** By the unit in which it is at least one, where there is one. */
function rate(perSecond: number): string {
  if (perSecond === 0) return '0';
  if (perSecond >= 1) return `${count(perSecond)}/s`;
  return perSecond * 60 >= 1 ? `${count(perSecond * 60)}/min` : `${count(perSecond * 3_600)}/h`;
}

function withShare(failed: number, ended: number): string {
  if (failed === 0 || ended === 0) return count(failed);
  const share = (failed / ended) * 100;
  return `${count(failed)} (${share < 1 ? '<1' : Math.round(share)} %)`;
}

function toneOf({ key }: Column, { failed, apdex }: TaskTotals): 'bad' | undefined {
  if (key === 'failed' && failed > 0) return 'bad';
  return key === 'score' && apdex !== undefined && apdex < 0.7 ? 'bad' : undefined;
}
