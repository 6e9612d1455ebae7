/** Queues of an app of @headcount/tasks, as its broker knows them. */
import type { JobCounts, Meter } from '../reading.ts';
import { meterOf } from './look.ts';

export interface TasksApp {
  depth(queue?: string): Promise<JobCounts & { readonly slots?: number }>;
}

export interface TasksOptions {
  /** Of `openTasks`; its connection is used. */
  readonly app: TasksApp;
  readonly queues: readonly string[];
  readonly now?: () => number;
}

/** What the broker cannot know (what runs, on RabbitMQ) is absent. */
export function tasks({ app, queues, now }: TasksOptions): Meter {
  return meterOf({ name: 'tasks', queues, now, look: (queue) => app.depth(queue) });
}
