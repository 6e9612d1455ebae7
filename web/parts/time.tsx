/** One clock for the whole page: every relative time moves together, at most once a second. */
import { useSyncExternalStore } from 'react';
import { now } from '../api.ts';
import { clockTime, fullTime, relative } from '../formats.ts';

const listeners = new Set<() => void>();
let ticking: ReturnType<typeof setInterval> | undefined;

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  ticking ??= setInterval(() => {
    for (const tell of listeners) tell();
  }, 1_000);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(ticking);
    ticking = undefined;
  };
}

/** The controller's time, to the second, or to coarser steps. */
export function useNow(stepMs = 1_000): number {
  return useSyncExternalStore(subscribe, () => Math.floor(now() / stepMs) * stepMs);
}

/** "12 s ago", with the full time on hover. */
export function Ago({ at }: { at: number }) {
  const shown = useNow();
  return (
    <time dateTime={new Date(at).toISOString()} title={fullTime(at)}>
      {relative(at, Math.max(shown, at))}
    </time>
  );
}

/** "in 5 min", with the full time on hover. */
export function Until({ at }: { at: number }) {
  const shown = useNow();
  return (
    <time dateTime={new Date(at).toISOString()} title={fullTime(at)}>
      {clockTime(at, shown)} ({relative(at, shown)})
    </time>
  );
}

/** "14:05:12", with the day when it is not today. */
export function Clock({ at }: { at: number }) {
  const shown = useNow(60_000);
  return (
    <time dateTime={new Date(at).toISOString()} title={fullTime(at)}>
      {clockTime(at, shown, true)}
    </time>
  );
}
