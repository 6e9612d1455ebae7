/** One process for so many requests per minute, HireFire's RPM. How long they take is left to whoever chose the ratio. */
import { busyCount, currentCount } from '../formation.ts';
import type { RuleKind } from '../kinds.ts';
import { countByRatio } from '../ratio.ts';
import { requestsPerSecond, valueIn } from '../requests.ts';
import { number } from '../wording.ts';

export const requestsPerMinute: RuleKind = {
  use: 'requests-per-minute',
  title: 'Requests per minute',
  help: 'One process for so many requests per minute.',
  options: [
    {
      name: 'ratio',
      label: 'Requests per minute and process',
      help: 'How many requests per minute one process is to answer.',
      type: 'number',
      unit: 'requests',
      minimum: 0.001,
      maximum: 1_000_000_000,
    },
  ],
  create: (options) => ({
    want(view) {
      const newest = view.samples.at(-1);
      const given = newest && valueIn(newest, (name) => name === 'requests-per-minute');
      const perSecond = newest && requestsPerSecond(newest);
      const perMinute = given ?? (perSecond === undefined ? undefined : perSecond * 60);
      if (perMinute === undefined) return { unknown: 'no meter gave a number of requests' };
      const ratio = Number(options.ratio);
      const count = countByRatio(perMinute, ratio);
      const reason = `${number(perMinute)} requests per minute, one process for ${number(ratio)}`;
      const busy = Math.min(currentCount(view.processes), busyCount(view));
      return busy > count
        ? { count: busy, reason: `${reason}; ${number(busy)} are busy and stay` }
        : { count, reason };
    },
  }),
};
