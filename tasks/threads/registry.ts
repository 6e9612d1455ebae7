/**
 * How a thread of a pool learns which tasks its module defines: every app made in it enters itself here. The list hangs on
 * the global object, because the module may load another copy of this package than the thread's own program did.
 */
import type { Definition } from '../task.ts';

export interface ThreadApp {
  readonly tasks: ReadonlyMap<string, Definition>;
  close(): Promise<void>;
}

const key = Symbol.for('@headcount/tasks: the apps of this thread');
const place = globalThis as { [key]?: ThreadApp[] };

/** From now on this is a thread of a pool. */
export function collectApps(): readonly ThreadApp[] {
  place[key] ??= [];
  return place[key];
}

/** Does nothing outside of a pool's threads. */
export function enlist(app: ThreadApp): void {
  place[key]?.push(app);
}

export function isThreadOfPool(): boolean {
  return place[key] !== undefined;
}
