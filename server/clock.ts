/** Time, chance and timers as one argument, so that tests move them. */

export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** From 0 to below 1. */
  random(): number;
  /** Calls back once after `delayMs`; the answer cancels. */
  after(delayMs: number, callback: () => void): () => void;
}

export const realClock: Clock = {
  now: () => Date.now(),
  random: () => Math.random(),
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

/**
 * Runs `work` with a signal that aborts after `limitMs`, or when `parent` does. Settles at that moment even when the
 * work ignores its signal; its late answer is dropped.
 *
 * @throws DOMException TimeoutError or AbortError, or what the work threw
 */
export async function withDeadline<T>(
  clock: Clock,
  limitMs: number,
  parent: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const end = (name: string, text: string): void => controller.abort(new DOMException(text, name));
  const onParent = (): void => end('AbortError', 'the controller is stopping');
  if (parent?.aborted) onParent();
  parent?.addEventListener('abort', onParent, { once: true });
  const cancel = clock.after(limitMs, () => end('TimeoutError', `no answer within ${limitMs / 1000} s`));
  try {
    return await Promise.race([work(controller.signal), aborted(controller.signal)]);
  } finally {
    cancel();
    parent?.removeEventListener('abort', onParent);
  }
}

async function aborted(signal: AbortSignal): Promise<never> {
  if (!signal.aborted)
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  throw signal.reason;
}

/** The words of an error, on one line and without its stack. */
export function wordsOf(error: unknown): string {
  const text = error instanceof Error ? error.message || error.name : String(error);
  return text.replace(/\s+/g, ' ').slice(0, 1_000);
}
