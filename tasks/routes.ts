/** Where calls go by the name of their task, as Celery's `task_routes`: the first pattern that fits counts. */
import { TasksError } from './errors.ts';
import { matches } from './remote/command.ts';

/** The queue, or more, by a name or a pattern: `{ 'mail.*': 'mail', 'video.*': { queue: 'video', priority: 6 } }`. */
export type Routes = Readonly<
  Record<string, string | { readonly queue?: string; readonly priority?: number }>
>;

export interface RouteFound {
  readonly queue: string;
  readonly priority?: number;
}

/** Where a task goes that says nothing itself. */
export type Router = (task: string) => RouteFound;

/** Names seen are remembered, up to this many: names may come from messages. */
const mostRemembered = 10_000;

/** @throws TasksError OPTION_INVALID */
function checkRoutes(routes: Routes): Routes {
  for (const [pattern, route] of Object.entries(routes)) {
    const { queue, priority } = typeof route === 'string' ? { queue: route } : (route ?? {});
    const named = queue === undefined ? priority !== undefined : typeof queue === 'string' && queue !== '';
    if (named && (priority === undefined || (Number.isInteger(priority) && priority >= 0 && priority <= 9)))
      continue;
    throw new TasksError(
      'OPTION_INVALID',
      `The route of "${pattern}" is ${JSON.stringify(route) ?? String(route)}`,
      'it must be the name of a queue, or an object with queue, priority, or both',
      'Change the option routes',
    );
  }
  return routes;
}

/**
 * @param queue where a task goes that no route is for
 * @throws TasksError OPTION_INVALID
 */
export function createRouter(routes: Routes, queue: string): Router {
  const patterns = Object.entries(checkRoutes(routes));
  const found = new Map<string, RouteFound>();
  const find = (task: string): RouteFound => {
    const route = patterns.find(([pattern]) => pattern === task || matches(task, pattern, 'glob'))?.[1] ?? {};
    return { queue, ...(typeof route === 'string' ? { queue: route } : route) };
  };
  return (task) => {
    const known = found.get(task);
    if (known) return known;
    if (found.size >= mostRemembered) found.clear();
    const fresh = patterns.length === 0 ? { queue } : find(task);
    found.set(task, fresh);
    return fresh;
  };
}
