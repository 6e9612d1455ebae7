/** `headcount-tasks worker`. */
import type { WorkerOptions } from '../worker.ts';
import { openModule } from './place.ts';
import { say } from './print.ts';

export interface WorkerFlags {
  readonly app?: string;
  readonly log: string;
  readonly grace?: number;
  readonly concurrency?: number;
  readonly pool?: 'async' | 'slots' | 'threads';
  readonly queues?: readonly string[];
  readonly prefetch?: number;
  readonly prefetchMultiplier?: number;
  readonly name?: string;
  readonly events?: boolean;
  readonly keepFailed?: number;
  readonly maxTasks?: number;
  readonly maxMemory?: number;
  readonly maxTasksPerThread?: number;
  readonly maxThreadMemory?: number;
}

export async function worker(flags: WorkerFlags): Promise<void> {
  setLogLevel(flags.log);
  const { app, module } = await openModule(flags.app);
  const threads = flags.pool === 'threads';
  const options: WorkerOptions = {
    ...given('concurrency', flags.concurrency),
    ...given('queues', flags.queues),
    ...given('prefetch', flags.prefetch),
    ...given('prefetchMultiplier', flags.prefetchMultiplier),
    ...given('name', flags.name),
    ...given('graceSeconds', flags.grace),
    ...given('events', flags.events),
    ...given('keepFailed', flags.keepFailed),
    ...given('maxTasks', flags.maxTasks),
    ...given('maxMemoryBytes', flags.maxMemory && flags.maxMemory * 1_000_000),
    ...given('maxTasksPerThread', flags.maxTasksPerThread),
    ...given('maxThreadMemoryBytes', flags.maxThreadMemory && flags.maxThreadMemory * 1_000_000),
    ...(threads ? { pool: 'threads' as const, taskModule: module } : {}),
  };
  const running = app.worker(options);
  const from = flags.queues ? `queues ${flags.queues.join(', ')}` : "the app's queue";
  say(`headcount-tasks worker ${process.pid}: ${flags.app ?? module.pathname}, ${from}; Ctrl-C stops it`);
  await running.run({ handleSignals: true });
  await app.close();
  say('stopped');
}

/** The app's own log, where it has one, is not changed. */
export function setLogLevel(level: string): void {
  process.env.HEADCOUNT_TASKS_LOG = level;
}

export function given<K extends string, V>(name: K, value: V | undefined): { [N in K]?: V } {
  return (value === undefined ? {} : { [name]: value }) as { [N in K]?: V };
}
