/**
 * KEDA with the Kubernetes HPA: two loops. KEDA switches between 0 and 1 (poll every 30 s, back to 0 after 300 s without
 * work); between 1 and the maximum the HPA acts every 15 s on an external metric as AverageValue, with a tolerance of
 * 10 %, at most +4 or twice per 15 s up, and down only to the largest wish of the last 300 s.
 */
import type { PolicyKind } from '../policy.ts';
import { sliding } from './window.ts';

export const keda: PolicyKind = {
  name: 'keda',
  title: 'KEDA + HPA, 5 jobs per pod',
  source: 'keda.sh ScaledObject spec and kubernetes.io HPA; messages in flight count as in its SQS scaler',
  periodSeconds: 15,
  victims: 'kill',
  settings: { perPod: 5, pollSeconds: 30, cooldownSeconds: 300, stabilizationSeconds: 300, tolerance: 0.1 },
  create: ({
    perPod = 5,
    pollSeconds = 30,
    cooldownSeconds = 300,
    stabilizationSeconds = 300,
    tolerance = 0.1,
  }) => {
    const wishes = sliding(stabilizationSeconds);
    let lastActive = Number.NEGATIVE_INFINITY;
    let lastPoll = Number.NEGATIVE_INFINITY;
    return ({ now, waiting, running, workers }) => {
      const jobs = waiting + running;
      if (jobs > 0) lastActive = now;
      if (workers === 0) {
        if (now - lastPoll < pollSeconds) return 0;
        lastPoll = now;
        return jobs > 0 ? 1 : 0;
      }
      if (jobs === 0 && now - lastActive >= cooldownSeconds) return 0;
      const ratio = jobs / (perPod * workers);
      const wish = Math.abs(ratio - 1) <= tolerance ? workers : Math.max(1, Math.ceil(jobs / perPod));
      wishes.add(now, wish);
      if (wish > workers) return Math.min(wish, Math.max(workers + 4, workers * 2));
      return Math.min(workers, wishes.maximum());
    };
  },
};
