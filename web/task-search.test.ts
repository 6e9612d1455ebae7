import { expect, test } from 'vitest';
import type { TaskTotals } from '../server/api-tasks.ts';
import { sorted, taskSearch } from './task-search.ts';

const totals = (task: string, change: Partial<TaskTotals> = {}): TaskTotals => ({
  task,
  queue: 'celery',
  received: 1,
  succeeded: 1,
  failed: 0,
  retried: 0,
  revoked: 0,
  perSecond: 1,
  ...change,
});

test('what makes no sense in the address is left out', () => {
  expect(
    taskSearch({ app: 'music', queue: '', span: '7d', sort: 'p95', turned: true, within: 1_000 }),
  ).toEqual({
    app: 'music',
    span: '7d',
    sort: 'p95',
    turned: true,
    within: '1000',
  });
  expect(taskSearch({ app: 3, span: '2h', sort: 'price', turned: 'yes', within: '7' })).toEqual({});
});

test('the most troubling first, the unknown last whichever way, equal ones by name', () => {
  const names = (...given: Parameters<typeof sorted>): string[] => sorted(...given).map(({ task }) => task);
  const tasks = [
    totals('b', { failed: 1, apdex: 0.5 }),
    totals('c', { failed: 3 }),
    totals('a', { failed: 1, apdex: 0.9 }),
  ];
  expect(names(tasks, 'failed', false)).toEqual(['c', 'a', 'b']);
  expect(names(tasks, 'failed', true)).toEqual(['a', 'b', 'c']);
  expect(names(tasks, 'score', false)).toEqual(['b', 'a', 'c']);
  expect(names(tasks, 'score', true)).toEqual(['a', 'b', 'c']);
  expect(names(tasks, 'task', false)).toEqual(['a', 'b', 'c']);
  expect(names(tasks, 'task', true)).toEqual(['c', 'b', 'a']);
  expect(names(tasks, 'p95', false)).toEqual(['a', 'b', 'c']);
});
