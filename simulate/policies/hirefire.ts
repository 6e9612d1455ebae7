/** HireFire's two managers for workers, as its documentation and its client libraries describe them. */
import { sideOf } from '../../decide/band.ts';
import { countByRatio, keptUntilDone } from '../../decide/ratio.ts';
import type { PolicyKind } from '../policy.ts';

/** `ceil(jobs / ratio)`; with decrementable off it never goes down before all jobs are done. */
export const hirefire: PolicyKind = {
  name: 'hirefire',
  title: 'HireFire job queue size, ratio 5, every 60 s',
  source: 'docs of the Job Queue manager; the ratio has no default, 5 is ours',
  periodSeconds: 60,
  victims: 'kill',
  settings: { ratio: 5, decrementable: 0 },
  create: ({ ratio = 5, decrementable = 0 }) => {
    return (seen) => {
      const jobs = seen.waiting + seen.running;
      const wanted = countByRatio(jobs, ratio);
      return decrementable === 0 ? keptUntilDone(jobs, seen.workers, wanted) : wanted;
    };
  },
};

/** Up above the maximum latency, down below the minimum, by a fixed number, each at most once per time-out. */
export const hirefireLatency: PolicyKind = {
  name: 'hirefire-latency',
  title: 'HireFire job queue latency, 10 s to 30 s, one at a time, every 60 s',
  source: 'docs of the Job Latency manager; thresholds are the user’s, these are ours',
  periodSeconds: 60,
  victims: 'kill',
  settings: { minimumSeconds: 10, maximumSeconds: 30, up: 1, down: 1, timeoutSeconds: 60 },
  create: ({ minimumSeconds = 10, maximumSeconds = 30, up = 1, down = 1, timeoutSeconds = 60 }) => {
    let lastUp = Number.NEGATIVE_INFINITY;
    let lastDown = Number.NEGATIVE_INFINITY;
    return ({ now, waiting, oldestSeconds, workers }) => {
      const first = workers === 0 && waiting > 0;
      const side = sideOf(oldestSeconds, { low: minimumSeconds, high: maximumSeconds });
      if ((first || side > 0) && now - lastUp >= timeoutSeconds) {
        lastUp = now;
        return workers + up;
      }
      if (side < 0 && waiting === 0 && now - lastDown >= timeoutSeconds) {
        lastDown = now;
        return workers - down;
      }
      return workers;
    };
  },
};
