/**
 * Every job starts within the goal: the least number of workers that manages this.
 *
 * The waiting jobs are taken by age. For each age it asks how many workers start all jobs that are at least that old in the time
 * that is left to them: goal - age. A worker that is up starts time left / service time jobs per slot, one that boots has its
 * boot less, and each has one at once. The age that needs the most decides. Beside that, jobs that keep coming
 * need arrivals x service time slots, and what is busy stays. With nothing of all this it wants none.
 *
 * Reckoning the whole backlog against the oldest job's time was rejected: under steady load the oldest is always close to
 * the goal, and it would start an army for a queue that is in time. A mean arrival rate was rejected too, see work.ts.
 *
 * Where a late start cannot be helped, the time left is not the little that remains but a worker's boot and a quarter of the
 * goal: otherwise ten thousand late jobs of 20 ms would want ten thousand workers. While the service time is a guess,
 * the wish at most doubles what is up, beginning with four.
 */
import { type Crew, crewOf, type Pace, startsWithin, workersFor } from '../crew.ts';
import type { RuleKind } from '../kinds.ts';
import { duration, number } from '../wording.ts';
import type { Refusal, View, Wanted } from '../words.ts';
import { type Cohort, steadyPerSecond, waitingByAge, workNow } from '../work.ts';

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
      default: 30,
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
  ],
  create: (options) => ({
    want(view, now) {
      const terms = termsOf(options, view);
      return want(terms, view, now);
    },
  }),
};

interface Terms extends Pace {
  readonly goalSeconds: number;
  /** Nobody has told or learned how long a job takes. */
  readonly guessed: boolean;
}

function termsOf(options: Readonly<Record<string, unknown>>, { learned }: View): Terms {
  const { serviceSeconds, bootSeconds, concurrency } = learned;
  return {
    goalSeconds: Number(options.goalSeconds),
    bootSeconds: Math.max(0, Number(options.bootSeconds ?? bootSeconds.value)),
    serviceSeconds: Math.max(1e-4, Number(options.serviceSeconds ?? serviceSeconds.value)),
    guessed: options.serviceSeconds === undefined && serviceSeconds.observations === 0,
    slots: Math.max(1, concurrency.value),
  };
}

function want(terms: Terms, view: View, now: number): Wanted | Refusal {
  const work = workNow(view.samples);
  if (!work) return { unknown: 'no meter gave a number of jobs' };
  const crew = crewOf(view, terms.bootSeconds, now);
  const backlog = forBacklog(terms, crew, view, now);
  const perSecond = steadyPerSecond(view.samples, terms.guessed ? undefined : terms.serviceSeconds);
  const steady = Math.max(0, Math.ceil((perSecond * terms.serviceSeconds) / terms.slots - 0.05));
  const asked = Math.max(backlog.count, steady);
  const most = terms.guessed ? Math.max(4, 2 * crew.up) : Number.POSITIVE_INFINITY;
  // Whoever boots while jobs wait is not sent home: it would be asked for again.
  const staying = crew.busy + (work.waiting > 0 ? crew.booting.length : 0);
  const count = Math.max(staying, Math.min(asked, most));
  const running = work.running === 0 && work.waiting > 0 ? undefined : work.running;
  const clauses = [
    backlog.text || 'nothing waits',
    ...(running === undefined ? [] : [running > 0 ? `${number(running)} run` : 'nothing runs']),
    ...(steady > 0 && steady >= backlog.count
      ? [`${number(perSecond)} jobs/s keep ${number(steady)} busy`]
      : []),
    ...(asked > count ? [`the time per job is a guess, so not ${number(asked)} at once`] : []),
    ...(staying > asked ? [`${number(staying)} are busy or booting and stay`] : []),
  ];
  return { count, reason: clauses.join('; ') };
}

function forBacklog(terms: Terms, crew: Crew, view: View, now: number): { count: number; text: string } {
  const { goalSeconds, bootSeconds } = terms;
  const cohorts = waitingByAge(view.samples, now);
  const oldest = cohorts[0];
  if (!oldest) return { count: 0, text: '' };
  let most = { count: 0, jobs: 0, withinSeconds: 0 };
  let jobs = 0;
  for (const [place, cohort] of cohorts.entries()) {
    jobs += cohort.jobs;
    const withinSeconds = timeLeft(terms, cohort);
    const next = cohorts[place + 1];
    if (next && timeLeft(terms, next) === withinSeconds) continue;
    const count = workersFor(jobs, withinSeconds, terms, crew);
    if (count > most.count) most = { count, jobs, withinSeconds };
  }
  const age = `the oldest ${duration(oldest.ageSeconds)} of a goal of ${duration(goalSeconds)}`;
  const some =
    most.jobs < jobs ? `, ${number(most.jobs)} to start within ${duration(most.withinSeconds)}` : '';
  const workSeconds = most.withinSeconds - bootSeconds;
  const each = Math.floor(startsWithin(workSeconds, terms));
  const fresh = `a new worker starts about ${number(each)} in the ${duration(workSeconds)} after its boot`;
  return {
    count: most.count,
    text: `${number(jobs)} wait${some}, ${age}${most.count > crew.current ? `; ${fresh}` : ''}`,
  };
}

function timeLeft({ goalSeconds, bootSeconds }: Terms, { ageSeconds }: Cohort): number {
  return Math.max(goalSeconds - ageSeconds, bootSeconds + goalSeconds / 4);
}
