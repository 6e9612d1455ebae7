/** What every meter does around its look: only the caller's abort rejects, all else becomes an unknown reading. */
import type { Reading } from '../decide/words.ts';
import { within } from './within.ts';

export interface Look {
  readonly signal: AbortSignal;
  now(): number;
  /** Absent: the look bounds itself. */
  readonly timeoutMs?: number;
  /** Its signal is aborted when the caller gives up and when time is up. */
  look(signal: AbortSignal): Promise<Reading[]>;
  /** Turns what was thrown, or the DOMException `TimeoutError`, into the clause of an unknown reading. */
  explain(problem: unknown): string;
  /** Told of every look that gave no readings, an aborted one too. */
  failed?(): void;
}

/**
 * Ends at once when the signal is aborted, even when `look` does not heed it.
 *
 * @throws the signal's reason, and nothing else
 */
export async function lookOrUnknown({
  signal,
  now,
  timeoutMs,
  look,
  explain,
  failed,
}: Look): Promise<Reading[]> {
  signal.throwIfAborted();
  const limit = timeoutMs ? within(signal, timeoutMs) : signal;
  try {
    return await untilAborted(look(limit), limit);
  } catch (problem) {
    failed?.();
    signal.throwIfAborted();
    return [unknown(now(), explain(problem))];
  }
}

export function unknown(at: number, why: string): Reading {
  return { kind: 'unknown', at, why };
}

function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
