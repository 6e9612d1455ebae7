/**
 * Tells the process that started this one whether it works or is idle, over Node's IPC channel where there is one:
 * `{ headcount: { running, slots } }`. A supervisor can then stop idle workers first. Without a channel it does nothing.
 */
export interface BusyReport {
  /** The first call says that the worker is up. */
  update(running: number): void;
  close(): void;
}

/** Between two jobs a worker is idle for a moment only; that is not worth a message. */
const idleAfterMs = 100;

export function reportBusy(slots: () => number): BusyReport {
  let told: number | undefined;
  let timer: NodeJS.Timeout | undefined;
  const tell = (running: number): void => {
    clearTimeout(timer);
    timer = undefined;
    told = running;
    if (!process.send || !process.connected) return;
    // The other side may be gone at any moment; the work goes on.
    process.send({ headcount: { running, slots: slots() } }, undefined, {}, () => {});
  };
  return {
    update: (running) => {
      if (running > 0) {
        clearTimeout(timer);
        timer = undefined;
      }
      if (told === undefined) tell(running);
      else if (running > 0 && told === 0) tell(running);
      else if (running === 0 && told > 0) timer ??= setTimeout(() => tell(0), idleAfterMs);
    },
    close: () => clearTimeout(timer),
  };
}
