/**
 * Knative's pod autoscaler: a stable window of 60 s and a panic window of 6 s over concurrency, a target of 70 %, every 2 s. When
 * the panic wish is twice what is ready it panics and does not shrink until 60 s without such a wish. Growth is at most a
 * thousandfold and shrinking at most by half per tick; the last pod goes after 30 s.
 */
import type { PolicyKind } from '../policy.ts';
import { sliding } from './window.ts';

export const knative: PolicyKind = {
  name: 'knative',
  title: 'Knative KPA, target 0.7',
  source: 'knative/serving docs/scaling/SYSTEM.md and config-autoscaler',
  periodSeconds: 2,
  victims: 'kill',
  settings: { target: 0.7, stableSeconds: 60, panicSeconds: 6, graceSeconds: 30 },
  create: ({ target = 0.7, stableSeconds = 60, panicSeconds = 6, graceSeconds = 30 }, { slots }) => {
    const stable = sliding(stableSeconds);
    const panic = sliding(panicSeconds);
    let panicUntil = Number.NEGATIVE_INFINITY;
    let panicMost = 0;
    let zeroSince: number | undefined;
    return ({ now, waiting, running, workers, up }) => {
      stable.add(now, waiting + running);
      panic.add(now, waiting + running);
      const ready = Math.max(1, up);
      const clamp = (count: number): number =>
        Math.max(Math.floor(ready / 2), Math.min(ready * 1_000, count));
      const stableWish = clamp(Math.ceil(stable.mean() / (target * slots)));
      const panicWish = clamp(Math.ceil(panic.mean() / (target * slots)));
      if (panicWish / ready >= 2) panicUntil = now + stableSeconds;
      if (now < panicUntil) {
        panicMost = Math.max(panicMost, panicWish, workers);
        return panicMost;
      }
      panicMost = 0;
      if (stable.mean() > 0) zeroSince = undefined;
      else zeroSince ??= now;
      return stableWish === 0 && zeroSince !== undefined && now - zeroSince < graceSeconds ? 1 : stableWish;
    };
  },
};
