/**
 * Seeded arrival processes, for everybody who has no trace at hand and for tests on loads that no rule was tuned on.
 * Each is a rate over time, turned into arrivals by thinning a Poisson process at the highest rate (Lewis and Shedler,
 * 1979), or a list of bulk uploads. Service times are lognormal.
 */
import { SimulateError } from './errors.ts';
import { type Random, seeded } from './random.ts';
import { defaultLaw, type ServiceLaw, sorted, type Trace } from './traces.ts';

export interface GeneratorOptions {
  readonly seed?: number;
  readonly hours?: number;
  /** Mean arrivals per second of the quiet load. */
  readonly perSecond?: number;
  readonly law?: ServiceLaw;
}

interface Load {
  readonly hours: number;
  /** The highest value that `rate` can take. */
  readonly peak: number;
  rate(second: number): number;
  /** Jobs pushed within some seconds from a moment on. */
  readonly bulks?: readonly { at: number; jobs: number; withinSeconds: number }[];
  readonly law?: ServiceLaw;
}

const hour = 3_600;
const day = 24 * hour;

const loads: Readonly<Record<string, (perSecond: number, random: Random) => Load>> = {
  poisson: (perSecond) => ({ hours: 6, peak: perSecond, rate: () => perSecond }),
  diurnal: (perSecond) => ({
    hours: 48,
    peak: 2 * perSecond,
    rate: (second) => perSecond * (1 - Math.cos((2 * Math.PI * second) / day)),
  }),
  weekly: (perSecond) => ({
    hours: 24 * 14,
    peak: 2 * perSecond,
    rate: (second) => perSecond * weekday(second) * (1 - Math.cos((2 * Math.PI * second) / day)),
  }),
  onoff: (perSecond) => ({
    hours: 12,
    peak: 2 * perSecond,
    rate: (second) => (Math.floor(second / 600) % 2 === 0 ? 2 * perSecond : 0),
  }),
  ramp: (perSecond) => ({
    hours: 4,
    peak: 4 * perSecond,
    rate: (second) => (4 * perSecond * second) / (4 * hour),
  }),
  flash: (perSecond) => ({
    hours: 6,
    peak: 13 * perSecond,
    rate: (second) => perSecond * (1 + flash(second - 3 * hour)),
  }),
  cron: (perSecond, random) => ({
    hours: 12,
    peak: perSecond / 4,
    rate: () => perSecond / 4,
    bulks: every(300, 12 * hour).map((at) => ({
      at,
      jobs: Math.round((at % hour === 0 ? 900 : 60) * perSecond * (0.5 + random.next())),
      withinSeconds: 5,
    })),
  }),
  bulk: (perSecond) => ({
    hours: 12,
    peak: perSecond / 10,
    rate: () => perSecond / 10,
    bulks: [
      { at: hour, jobs: 10_000, withinSeconds: 300 },
      { at: 3 * hour, jobs: 300_000, withinSeconds: 300 },
      { at: 9 * hour, jobs: 50_000, withinSeconds: 300 },
    ],
  }),
};

export const generators: readonly string[] = Object.keys(loads);

/** @throws SimulateError when there is no generator of that name */
export function generate(name: string, options: GeneratorOptions = {}): Trace {
  const make = loads[name];
  if (!make)
    throw new SimulateError(
      `no generator "${name}"`,
      `there is ${generators.join(', ')}`,
      'Name one of these.',
    );
  const random = seeded(options.seed ?? 1);
  const load = make(options.perSecond ?? 2, random);
  const seconds = (options.hours ?? load.hours) * hour;
  const arrivals = [...thinned(load, seconds, random), ...uploads(load, seconds, random)];
  const law = options.law ?? load.law ?? defaultLaw;
  const services = Float64Array.from(arrivals, () => random.lognormal(law.meanSeconds, law.variation));
  return sorted(name, Float64Array.from(arrivals), services);
}

function* thinned(load: Load, seconds: number, random: Random): Generator<number> {
  let now = 0;
  while (load.peak > 0) {
    now += random.exponential() / load.peak;
    if (now >= seconds) return;
    if (random.next() * load.peak < load.rate(now)) yield now;
  }
}

function* uploads(load: Load, seconds: number, random: Random): Generator<number> {
  for (const bulk of load.bulks ?? [])
    if (bulk.at < seconds)
      for (let job = 0; job < bulk.jobs; job++) yield bulk.at + random.next() * bulk.withinSeconds;
}

/** Saturday and Sunday carry a third of a working day. */
function weekday(second: number): number {
  return Math.floor(second / day) % 7 >= 5 ? 1 / 3 : 1;
}

/** Twelve times the load within a minute, then gone within ten. */
function flash(second: number): number {
  if (second < 0) return 0;
  return second < 60 ? (12 * second) / 60 : 12 * Math.exp(-(second - 60) / 600);
}

function every(stepSeconds: number, untilSeconds: number): number[] {
  return Array.from({ length: Math.floor(untilSeconds / stepSeconds) }, (_, index) => index * stepSeconds);
}
