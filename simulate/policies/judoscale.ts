/** Judoscale: up when the queue time leaves its range, at most every three minutes; down one by one after ten quiet minutes. */
import type { PolicyKind } from '../policy.ts';

export const judoscale: PolicyKind = {
  name: 'judoscale',
  title: 'Judoscale, range 10 s, jump 1, every 10 s',
  source:
    'judoscale.com documentation; the range is the user’s, 10 s is ours; the three minutes are from an older guide',
  periodSeconds: 10,
  victims: 'kill',
  settings: { aboveSeconds: 10, jump: 1, upEverySeconds: 180, downAfterSeconds: 600 },
  create: ({ aboveSeconds = 10, jump = 1, upEverySeconds = 180, downAfterSeconds = 600 }) => {
    let lastUp = Number.NEGATIVE_INFINITY;
    let quietSince: number | undefined;
    return ({ now, waiting, oldestSeconds, workers }) => {
      const breach = oldestSeconds > aboveSeconds || (workers === 0 && waiting > 0);
      if (breach) {
        quietSince = undefined;
        if (now - lastUp < upEverySeconds) return workers;
        lastUp = now;
        return workers + jump;
      }
      quietSince ??= now;
      if (now - quietSince < downAfterSeconds) return workers;
      quietSince = now;
      return workers - 1;
    };
  },
};
