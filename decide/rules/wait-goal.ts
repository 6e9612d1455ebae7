/**
 * Every job starts within the goal: the least number of workers that manages this.
 *
 * Going up: need.ts compares, for each deadline among the waiting jobs, what must have started by then with what the workers
 * at hand will start by then, and starts new ones no sooner than must be. Going down: who works stays; who boots stays while
 * jobs wait, or it would be asked for again; all others go at once. Where a boot takes most of the goal, that alone
 * comes too late, and headroom.ts keeps some more.
 *
 * Holding idle workers for some time was rejected where the goal is long enough: it costs more than the boots that it
 * saves (docs/simulate.md). A mean arrival rate was rejected too: the backlog and its ages say all that is needed.
 *
 * While the service time is a guess a few workers are started at once to learn it, and the wish at most doubles what is
 * up, beginning with four, or with more where a boot takes so much of the goal that there is no time to double.
 */
import { type Headroom, headroom } from '../headroom.ts';
import type { RuleKind } from '../kinds.ts';
import { type Need, needNow, noNeed } from '../need.ts';
import { expectedUpTo } from '../services.ts';
import { type Given, type Situation, situationOf } from '../situation.ts';
import { defaultGoalSeconds } from '../trust.ts';
import { duration, number } from '../wording.ts';
import type { Refusal, View, Wanted } from '../words.ts';
import { steadyPerSecond } from '../work.ts';

export const waitGoal: RuleKind = {
  use: 'wait-goal',
  title: 'Wait goal',
  help: 'Every job starts within this time, with as few processes as that takes.',
  options: [
    {
      name: 'goalSeconds',
      label: 'Jobs start within',
      help: 'Each doubling halves what is paid above the least possible; best at least twice the boot time.',
      type: 'number',
      unit: 's',
      minimum: 0.1,
      maximum: 604_800,
      default: defaultGoalSeconds,
    },
    {
      name: 'bootSeconds',
      label: 'Boot time',
      help: 'Seconds from the start of a process to its first job; without it, it is learned.',
      type: 'number',
      unit: 's',
      minimum: 0,
      maximum: 3_600,
      optional: true,
    },
    {
      name: 'serviceSeconds',
      label: 'Time per job',
      help: 'Mean seconds that one job takes; without it, it is learned.',
      type: 'number',
      unit: 's',
      minimum: 0.000_1,
      maximum: 604_800,
      optional: true,
    },
    {
      name: 'forecast',
      label: 'Forecast',
      help: 'Where a boot takes most of the goal, keep more at the times when more jobs usually come.',
      type: 'boolean',
      default: true,
    },
  ],
  create: (options) => {
    const forecasts = options.forecast !== false;
    const given: Given = {
      goalSeconds: Number(options.goalSeconds),
      ...(options.bootSeconds !== undefined && { bootSeconds: Number(options.bootSeconds) }),
      ...(options.serviceSeconds !== undefined && { serviceSeconds: Number(options.serviceSeconds) }),
    };
    return { want: (view, now) => want(given, view, now, forecasts) };
  },
};

function want(given: Given, view: View, now: number, forecasts: boolean): Wanted | Refusal {
  const seen = situationOf(given, view, now);
  if (!seen) return { unknown: 'no meter gave a number of jobs' };
  const { guessed, terms } = seen;
  // Until the time per job is known there is no use in waiting for the last moment.
  const need =
    seen.waiting > 0
      ? needNow(seen.work, seen.law(), guessed ? { ...terms, trust: Math.min(terms.trust, 0) } : terms)
      : noNeed;
  const staying = stayingOf(seen);
  const perSecond = steadyPerSecond(view.samples, guessed ? undefined : view.learned.serviceSeconds.value);
  const steady =
    perSecond > 0
      ? Math.floor((perSecond * expectedUpTo(seen.law(), terms.goalSeconds)) / terms.slots + 0.05)
      : 0;
  const spare = headroom(seen, view, now, forecasts);
  const asked = Math.max(staying + need.more, steady, spare.workers);
  const most = guessed ? mostGuessed(seen) : Number.POSITIVE_INFINITY;
  const count = Math.max(staying, Math.min(asked, most));
  const running = seen.running === 0 && seen.waiting > 0 ? undefined : seen.running;
  const clauses = [
    seen.waiting > 0 ? backlogInWords(seen, need) : 'nothing waits',
    ...(running === undefined ? [] : [running > 0 ? `${number(running)} run` : 'nothing runs']),
    ...(steady > staying + need.more ? [`${number(perSecond)} jobs/s keep ${number(steady)} busy`] : []),
    ...(spare.workers > Math.max(staying + need.more, steady) ? [spareInWords(spare)] : []),
    ...(asked > count ? [`the time per job is a guess, so not ${number(asked)} at once`] : []),
    ...(count === 0 && seen.waiting > 0 ? ['a worker that is started later is still in time'] : []),
    ...(staying > 0 && need.more === 0 ? [`${number(staying)} are busy or booting and stay`] : []),
    ...(seen.waiting > 0 && view.samples.length > 1 ? rareCheckups(seen) : []),
  ];
  return { count, reason: clauses.join('; ') };
}

/** A job may then be late before anybody looks. A fifth of the goal leaves time to answer. */
function rareCheckups({ terms: { goalSeconds, periodSeconds } }: Situation): string[] {
  if (periodSeconds < goalSeconds || periodSeconds < 1.5) return [];
  const every = Math.max(1, Math.floor(goalSeconds / 5));
  return [
    `the goal of ${duration(goalSeconds)} is not longer than the time between two checkups (${duration(periodSeconds)}): set intervalSeconds to ${every}`,
  ];
}

function spareInWords({ workers, perSecond, forecast }: Headroom): string {
  const why = forecast ?? `${number(perSecond)} jobs/s`;
  return `${number(workers)} for ${why}, as a boot takes most of the goal`;
}

/** Without knowing how long a job takes nobody starts more than these at once. */
const mostUnknowing = 100;

/**
 * To double what is up takes a boot each time: the more of the goal that is, the more are started at the first step, by the root
 * of what waits. A hundred times as many jobs may be a hundred times as short.
 */
function mostGuessed({ crew, waiting, terms }: Situation): number {
  if (crew.up > 0) return Math.max(4, 2 * crew.up);
  const haste = Math.min(1, (2 * terms.bootSeconds) / terms.goalSeconds) ** 2;
  return Math.max(4, Math.min(mostUnknowing, Math.ceil(3 * haste * Math.sqrt(waiting))));
}

/** The busy ones; while jobs wait also those that boot, and as many idle ones as these jobs are about to fill. */
function stayingOf({ crew, waiting, terms }: Situation): number {
  if (waiting === 0) return crew.busy;
  return crew.busy + crew.booting.length + Math.min(crew.idle, Math.ceil(waiting / terms.slots));
}

function backlogInWords({ waiting, oldestSeconds, terms }: Situation, need: Need): string {
  const { goalSeconds, bootSeconds } = terms;
  const some =
    need.more > 0 && need.jobs < waiting
      ? `, ${number(Math.ceil(need.jobs))} to start within ${duration(need.withinSeconds)}`
      : '';
  const age = `the oldest ${duration(oldestSeconds)} of a goal of ${duration(goalSeconds)}`;
  const each = number(Math.max(1, Math.floor(need.perWorker)));
  const fresh = `a new worker starts about ${each} in the ${duration(need.withinSeconds - bootSeconds)} after its boot`;
  return `${number(waiting)} wait${some}, ${age}${need.more > 0 ? `; ${fresh}` : ''}`;
}
