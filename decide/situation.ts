/**
 * From what was read to what the plan needs (need.ts): the waiting jobs by age, the running ones by how long they have run, the
 * free slots, who boots, and the law of service times. Where a source tells less, what is missing is inferred: ages from the
 * arrivals between readings, and a law from the mean.
 */
import { type Crew, crewOf } from './crew.ts';
import type { Terms, Work } from './need.ts';
import { exponentialLaw, type ServiceLaw, serviceLaw } from './services.ts';
import { trustManner } from './trust.ts';
import type { Groups, JobsReading, Sample, View } from './words.ts';
import { agesPerInterval, jobsIn, waitingByAge, workNow } from './work.ts';

export interface Given {
  readonly goalSeconds: number;
  readonly bootSeconds?: number;
  readonly serviceSeconds?: number;
}

export interface Situation {
  readonly work: Work;
  /** Made when it is asked for: with nothing waiting nobody does. */
  readonly law: () => ServiceLaw;
  readonly terms: Terms;
  readonly crew: Crew;
  readonly waiting: number;
  /** Absent: no source tells. */
  readonly running?: number;
  readonly oldestSeconds: number;
  /** Nobody has told or learned how long a job takes. */
  readonly guessed: boolean;
}

/** Nothing when no meter counted jobs. */
export function situationOf(given: Given, view: View, now: number): Situation | undefined {
  const counted = workNow(view.samples);
  const newest = view.samples.at(-1);
  if (!counted || !newest) return undefined;
  const { learned } = view;
  const terms = termsOf(given, view);
  const crew = crewOf(view, terms.bootSeconds, now);
  const waiting = waitingOf(view.samples, newest, now);
  const idleSlots =
    counted.running === undefined
      ? crew.idle * terms.slots
      : Math.max(0, crew.up * terms.slots - counted.running);
  return {
    work: { waiting, running: runningOf(newest, now), idleSlots, booting: gathered(crew.booting) },
    law: () => lawOf(given, view, newest),
    terms,
    crew,
    waiting: counted.waiting,
    ...(counted.running !== undefined && { running: counted.running }),
    oldestSeconds: waiting[0]?.[0] ?? 0,
    guessed: given.serviceSeconds === undefined && learned.serviceSeconds.observations === 0,
  };
}

function termsOf(given: Given, { learned, samples }: View): Terms {
  const boot = learned.bootSeconds.value + (learned.bootSpread?.value ?? 0);
  const bootSeconds = Math.max(0, given.bootSeconds ?? boot);
  return {
    goalSeconds: given.goalSeconds,
    bootSeconds,
    periodSeconds: periodOf(samples),
    slots: Math.max(1, learned.concurrency.value),
    trust: learned.trust ?? trustManner(given.goalSeconds, bootSeconds).first,
  };
}

/** Seconds between two checkups: the shortest of the last few steps, as a missed one makes a step longer. */
function periodOf(samples: readonly Sample[]): number {
  const last = samples.slice(-4).map(({ at }) => at);
  const steps = last.slice(1).map((at, place) => (at - (last[place] ?? at)) / 1000);
  const forward = steps.filter((step) => step > 0);
  return forward.length > 0 ? Math.min(60, ...forward) : defaultPeriodSeconds;
}

const defaultPeriodSeconds = 10;

function waitingOf(samples: readonly Sample[], newest: Sample, now: number): Work['waiting'] {
  const queues = jobsIn(newest).filter(({ waiting }) => waiting > 0);
  if (queues.some(({ ages }) => ages === undefined))
    return waitingByAge(samples, now, agesPerInterval).map(({ ageSeconds, jobs }) => [ageSeconds, jobs]);
  const ages = queues.flatMap((queue) => shifted(queue, queue.ages ?? [], now));
  return queues.length > 1 ? ages.sort((a, b) => b[0] - a[0]) : ages;
}

function runningOf(newest: Sample, now: number): Work['running'] {
  return jobsIn(newest).flatMap((queue): Work['running'] => {
    if (queue.runningSeconds) return shifted(queue, queue.runningSeconds, now);
    return queue.running ? [[undefined, queue.running]] : [];
  });
}

/** What was seconds at the reading is more now. */
function shifted({ at }: JobsReading, groups: Groups, now: number): [number, number][] {
  const since = Math.max(0, (now - at) / 1000);
  return groups.map(([seconds, jobs]) => [seconds + since, jobs]);
}

/** Those that were asked for at once are up at once. */
function gathered(booting: readonly number[]): [number, number][] {
  const groups: [number, number][] = [];
  for (const left of booting) {
    const last = groups.at(-1);
    if (last && left - last[0] < 0.25) last[1]++;
    else groups.push([left, 1]);
  }
  return groups;
}

/** Fewer single jobs than these say less than a mean. */
const fewJobs = 5;
const laws = new WeakMap<readonly number[], ServiceLaw>();

function lawOf(given: Given, { learned }: View, newest: Sample): ServiceLaw {
  const { services, serviceSeconds } = learned;
  if (given.serviceSeconds !== undefined) return exponentialLaw(Math.max(1e-4, given.serviceSeconds));
  if (!services || services.seconds.length < fewJobs)
    return exponentialLaw(Math.max(1e-4, serviceSeconds.value));
  const running = jobsIn(newest).flatMap(({ runningSeconds }) => runningSeconds ?? []);
  const count = running.reduce((sum, [, jobs]) => sum + jobs, 0);
  if (services.seen < enoughPerRunning * count)
    return serviceLaw([...services.seconds, ...running.flatMap(([elapsed, jobs]) => likely(elapsed, jobs))]);
  const known = laws.get(services.seconds);
  if (known) return known;
  const law = serviceLaw(services.seconds);
  laws.set(services.seconds, law);
  return law;
}

/**
 * The jobs that finish first are the short ones. So at the beginning those that still run count as well: whoever has run for
 * some time is most likely in the middle of it.
 */
const enoughPerRunning = 10;

function likely(elapsed: number, jobs: number): number[] {
  return Array.from({ length: Math.min(64, jobs) }, () => 2 * elapsed);
}
