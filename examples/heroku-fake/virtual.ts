/** A virtual process: up at once, ends at SIGTERM when it is idle, and when its last job is done. */
import type { Body, StartBody } from './dyno.ts';

export const startVirtual: StartBody = (dyno, hooks): Body => {
  let asked = false;
  let over = false;
  const finish = (signal: string | null): void => {
    if (over) return;
    over = true;
    hooks.exited(signal === null ? 0 : null, signal);
  };
  hooks.up(dyno.type === 'web' ? 0 : undefined);
  return {
    signal(signal) {
      asked = true;
      if (signal === 'SIGKILL') finish(signal);
      else if (dyno.running === 0) finish(null);
    },
    setRunning(count) {
      hooks.report(count);
      if (asked && count === 0) finish(null);
    },
  };
};
