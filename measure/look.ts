/** What every meter does around its look: only the caller's abort rejects, all else becomes an unknown reading. */
import type { Reading } from '../decide/words.ts';

/**
 * Ends at once when the signal is aborted, even when `look` does not heed it.
 *
 * @param explain turns what was thrown into the clause of an unknown reading
 * @throws the signal's reason, and nothing else
 */
export async function lookOrUnknown(
  signal: AbortSignal,
  now: () => number,
  look: () => Promise<Reading[]>,
  explain: (problem: unknown) => string,
): Promise<Reading[]> {
  signal.throwIfAborted();
  try {
    return await untilAborted(look(), signal);
  } catch (problem) {
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
