/**
 * Speaks with the process that started this one, over Node's IPC channel where there is one. It says whether it works or is
 * idle, `{ headcount: { running, slots } }`, so that a supervisor can stop idle workers first; it hears
 * `{ headcount: 'drain' }`, after which it takes no new jobs and says so (`quiet: true`), and `{ headcount: 'work' }`, which
 * takes that back. Without a channel it does nothing.
 */
export interface BusyReport {
  /** The first call says that the worker is up. */
  update(running: number): void;
  /** It was told to take no new jobs. */
  resting(): boolean;
  close(): void;
}

/** Between two jobs a worker is idle for a moment only; that is not worth a message. */
const idleAfterMs = 100;

/** @param onRest called when it is told to take no new jobs, or to take jobs again */
export function reportBusy(slots: () => number, onRest: (resting: boolean) => void): BusyReport {
  let told: number | undefined;
  let running = 0;
  let resting = false;
  let timer: NodeJS.Timeout | undefined;
  const tell = (count: number): void => {
    clearTimeout(timer);
    timer = undefined;
    told = count;
    if (!process.send || !process.connected) return;
    const report = { running: count, slots: slots(), ...(resting && { quiet: true }) };
    // The other side may be gone at any moment; the work goes on.
    process.send({ headcount: report }, undefined, {}, () => {});
  };
  const hear = (message: unknown): void => {
    const order = (message as { headcount?: unknown } | null)?.headcount;
    if (order !== 'drain' && order !== 'work') return;
    resting = order === 'drain';
    onRest(resting);
    if (told !== undefined) tell(running);
  };
  if (process.send) {
    const alone = process.listenerCount('message') === 0;
    process.on('message', hear);
    // Listening must not keep a process alive that has nothing else to do; but who listened before us relies on it.
    if (alone) process.channel?.unref();
  }
  return {
    update: (count) => {
      running = count;
      if (count > 0) {
        clearTimeout(timer);
        timer = undefined;
      }
      if (told === undefined) tell(count);
      else if (count > 0 && told === 0) tell(count);
      // Who waits for it to be idle wants to know at once.
      else if (count !== told && resting) tell(count);
      else if (count === 0 && told > 0) timer ??= setTimeout(() => tell(0), idleAfterMs);
    },
    resting: () => resting,
    close: () => {
      clearTimeout(timer);
      process.off('message', hear);
    },
  };
}
