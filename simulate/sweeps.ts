/** The settings that are tried for each main rival, to be fair to it: what a patient user might try. */
import { delayedOff, textbook } from './policies/classics.ts';
import { hirefire, hirefireLatency } from './policies/hirefire.ts';
import { judoscale } from './policies/judoscale.ts';
import { keda } from './policies/keda.ts';
import { knative } from './policies/knative.ts';
import { heroku } from './policies/targets.ts';
import type { PolicyKind } from './policy.ts';
import type { Change } from './tournament.ts';

export interface SweepPlan {
  readonly kind: PolicyKind;
  readonly changes: readonly Change[];
}

export const sweeps: readonly SweepPlan[] = [
  {
    kind: hirefire,
    changes: [60, 15].flatMap((periodSeconds) =>
      [1, 2, 5, 10].flatMap((ratio) =>
        [0, 1].map((decrementable) => ({ periodSeconds, settings: { ratio, decrementable } })),
      ),
    ),
  },
  {
    kind: hirefireLatency,
    changes: [60, 15].flatMap((periodSeconds) =>
      [1, 3, 10].map((up) => ({
        periodSeconds,
        settings: { minimumSeconds: 1, maximumSeconds: 5, up, timeoutSeconds: periodSeconds },
      })),
    ),
  },
  {
    kind: judoscale,
    changes: [1, 5, 20].flatMap((jump) =>
      [10, 60, 180].map((upEverySeconds) => ({ settings: { aboveSeconds: 5, jump, upEverySeconds } })),
    ),
  },
  {
    kind: keda,
    changes: [1, 2, 5].flatMap((perPod) =>
      [0, 60, 300].map((stabilizationSeconds) => ({ settings: { perPod, stabilizationSeconds } })),
    ),
  },
  { kind: knative, changes: [0.3, 0.5, 0.7, 1].map((target) => ({ settings: { target } })) },
  { kind: heroku, changes: [300, 3_600].map((windowSeconds) => ({ settings: { windowSeconds } })) },
  { kind: delayedOff, changes: [0, 10, 30, 120].map((keepSeconds) => ({ settings: { keepSeconds } })) },
  {
    kind: textbook,
    changes: [0, 30, 60, 120].flatMap((keepSeconds) =>
      [30, 60].map((rateSeconds) => ({ settings: { keepSeconds, rateSeconds } })),
    ),
  },
];
