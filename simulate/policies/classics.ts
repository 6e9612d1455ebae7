/** What textbooks and operators do: delayed-off, the sizing formula, and a number that never moves. */
import type { PolicyKind } from '../policy.ts';
import { sliding } from './window.ts';

/** A worker for each job at hand, kept for some time (Gandhi and others, 2010). */
export const delayedOff: PolicyKind = {
  name: 'delayed-off',
  title: 'delayed-off, kept 120 s',
  source: 'Gandhi, Gupta, Harchol-Balter, Kozuch 2010; 120 s from AutoScale (TOCS 2012)',
  periodSeconds: 5,
  victims: 'kill',
  settings: { keepSeconds: 120 },
  create: ({ keepSeconds = 120 }, { slots }) => {
    const wishes = sliding(Math.max(1e-9, keepSeconds));
    return ({ now, waiting, running }) => {
      wishes.add(now, Math.ceil((waiting + running) / slots));
      return wishes.maximum();
    };
  },
};

/** ceil((backlog / goal + arrivals) * service / slots), the largest of the last minute. */
export const textbook: PolicyKind = {
  name: 'textbook',
  title: 'textbook formula, every 10 s, kept 60 s',
  source: 'offered load plus backlog over the goal; arrivals over 60 s',
  periodSeconds: 10,
  victims: 'kill',
  settings: { keepSeconds: 60, rateSeconds: 60 },
  create: ({ keepSeconds = 60, rateSeconds = 60 }, { slots, goalSeconds, periodSeconds }) => {
    const wishes = sliding(keepSeconds);
    const arrivals = sliding(rateSeconds);
    let before = 0;
    return ({ now, waiting, startedTotal, finishedTotal, busySecondsTotal }) => {
      const arrived = waiting + startedTotal;
      arrivals.add(now, (arrived - before) / periodSeconds);
      before = arrived;
      const service = finishedTotal > 0 ? busySecondsTotal / finishedTotal : 1;
      wishes.add(now, Math.ceil(((waiting / goalSeconds + arrivals.mean()) * service) / slots));
      return wishes.maximum();
    };
  },
};

export const fixed: PolicyKind = {
  name: 'fixed',
  title: 'a fixed fleet of 20',
  source: 'the number is the user’s',
  periodSeconds: 60,
  victims: 'kill',
  settings: { count: 20 },
  create: ({ count = 20 }) => {
    return () => count;
  },
};
