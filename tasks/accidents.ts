/**
 * What code of a handler does to the process of its worker, beyond its own job. With the pool of slots all jobs share one
 * process, and Node ends it for a single promise that nobody waited for, without a word about the others. A worker that owns
 * its process (`handleSignals`) does this instead:
 *
 * - a rejection that nobody handles is told, with the jobs that ran, and the work goes on: nothing is broken by it;
 * - an exception that nobody catches (thrown in a timer, in an event) is told, and the worker stops, warm: Node says that
 *   the process cannot be trusted after one. It ends with code 70, so that a supervisor starts a fresh one;
 * - process.exit() is told; it cannot be stopped, and its jobs come back when the lease of this worker ends.
 *
 * A program that has listeners of its own for one of these keeps them, and ours stays away. To find the one job that did
 * it (by AsyncLocalStorage) was rejected: every await of every handler would pay for it.
 */
import type { Log } from './broker.ts';
import { textOf } from './errors.ts';
import type { RunningJob } from './workbench.ts';

/** EX_SOFTWARE of sysexits.h. */
export const crashedCode = 70;
/** A timer that throws each time must not fill a disk. */
const mostTold = 100;
const mostNamed = 10;

/**
 * @param crashed called once, at the first exception
 * @returns what takes the listeners off again
 */
export function watchAccidents(
  log: Log,
  running: () => readonly RunningJob[],
  crashed: () => void,
): () => void {
  let told = 0;
  const tell = (what: string, error: unknown): void => {
    if (told++ < mostTold) log('error', `${what} while ${named(running())}: ${detailOf(error)}`);
  };
  const onRejection = (error: unknown): void =>
    tell('A promise that nobody waits for was rejected, and the worker goes on;', error);
  const onException = (error: unknown): void => {
    tell('An exception that nobody catches came, so the worker stops;', error);
    crashed();
  };
  const onExit = (code: number): void => {
    const jobs = running();
    if (jobs.length > 0)
      log('error', `the process was ended with code ${code} while ${named(jobs)}; late-ack jobs come back`);
  };
  const listeners = [
    ['unhandledRejection', onRejection],
    ['uncaughtException', onException],
    ['exit', onExit],
  ] as const;
  const ours = listeners.filter(([event]) => event === 'exit' || process.listenerCount(event) === 0);
  for (const [event, listener] of ours) process.on(event, listener);
  return () => {
    for (const [event, listener] of ours) process.off(event, listener);
  };
}

function named(jobs: readonly RunningJob[]): string {
  if (jobs.length === 0) return 'no job ran';
  const names = jobs.slice(0, mostNamed).map(({ message }) => `${message.task}[${message.id}]`);
  const more = jobs.length > mostNamed ? ` and ${jobs.length - mostNamed} more` : '';
  return `${names.join(', ')}${more} ran`;
}

function detailOf(error: unknown): string {
  try {
    return error instanceof Error && typeof error.stack === 'string' ? textOf(error.stack) : textOf(error);
  } catch {
    return textOf(undefined);
  }
}
