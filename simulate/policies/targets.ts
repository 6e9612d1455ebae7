/** Rules that multiply the count by how far a metric is from its target: Nomad's, and AWS target tracking. */
import type { PolicyKind } from '../policy.ts';
import { sliding } from './window.ts';

/** `ceil(count * metric / target)` outside a dead band of 1 %, on the last sample; five minutes between two actions. */
export const nomad: PolicyKind = {
  name: 'nomad',
  title: 'Nomad target-value, 5 jobs per task',
  source: 'nomad-autoscaler target-value strategy; cooldown 5 min, evaluation every 10 s; the target is ours',
  periodSeconds: 10,
  victims: 'kill',
  settings: { perTask: 5, cooldownSeconds: 300, threshold: 0.01 },
  create: ({ perTask = 5, cooldownSeconds = 300, threshold = 0.01 }) => {
    let last = Number.NEGATIVE_INFINITY;
    return ({ now, waiting, running, workers }) => {
      const jobs = waiting + running;
      if (now - last < cooldownSeconds) return workers;
      const factor = workers === 0 ? jobs : jobs / workers / perTask;
      const wish = workers === 0 ? Math.ceil(jobs / perTask) : Math.ceil(workers * factor);
      if (workers > 0 && Math.abs(factor - 1) <= threshold) return workers;
      if (wish !== workers) last = now;
      return wish;
    };
  },
};

/**
 * Backlog per instance held at goal / mean service time, on a metric of one minute: three breaching minutes grow, fifteen at
 * under 90 % of the target shrink.
 */
export const aws: PolicyKind = {
  name: 'aws',
  title: 'AWS target tracking on backlog per instance',
  source:
    'AWS guide on scaling by SQS; 3 and 15 one-minute alarms at 90 %; service time learned as the user would compute it',
  periodSeconds: 60,
  victims: 'kill',
  settings: { alarmMinutesUp: 3, alarmMinutesDown: 15 },
  create: ({ alarmMinutesUp = 3, alarmMinutesDown = 15 }, { goalSeconds }) => {
    let over = 0;
    let under = 0;
    return ({ waiting, running, workers, finishedTotal, busySecondsTotal }) => {
      const service = finishedTotal > 0 ? busySecondsTotal / finishedTotal : 1;
      const target = Math.max(1, goalSeconds / service);
      const perInstance = workers === 0 ? (waiting > 0 ? Number.POSITIVE_INFINITY : 0) : waiting / workers;
      over = perInstance > target ? over + 1 : 0;
      under = perInstance < 0.9 * target ? under + 1 : 0;
      if (over >= alarmMinutesUp) return Math.max(workers + 1, Math.ceil(waiting / target));
      if (under >= alarmMinutesDown)
        return Math.max(Math.min(workers - 1, Math.ceil(waiting / target)), running > 0 ? 1 : 0);
      return workers;
    };
  },
};

/** One dyno up when the 95th percentile over the past hour is over the goal, one down when it is well under; once a minute. */
export const heroku: PolicyKind = {
  name: 'heroku',
  title: 'Heroku p95 over an hour, one at a time (approximation)',
  source: 'devcenter.heroku.com, Dyno Autoscaling; the controller is not public and serves web dynos only',
  periodSeconds: 60,
  victims: 'kill',
  settings: { windowSeconds: 3_600 },
  create: ({ windowSeconds = 3_600 }, { goalSeconds }) => {
    const waits = sliding(windowSeconds);
    return ({ now, waiting, oldestSeconds, workers }) => {
      waits.add(now, oldestSeconds);
      if (workers === 0) return waiting > 0 ? 1 : 0;
      const p95 = waits.quantile(0.95);
      if (p95 > goalSeconds && oldestSeconds > 0) return workers + 1;
      return p95 < goalSeconds / 2 && workers > 1 ? workers - 1 : workers;
    };
  },
};
