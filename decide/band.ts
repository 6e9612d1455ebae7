/**
 * Two thresholds: above the upper one so many processes more, below the lower one so many fewer, between them nothing. It is what
 * HireFire and Judoscale do with a latency, a queue time, a response time, an Apdex or a load; each rule names its metric.
 *
 * Either step may have to wait until the threshold was crossed for some seconds. HireFire counts checkups instead ("sensitivity"),
 * Judoscale counts seconds; seconds were chosen, since they mean the same when checkups come more often. A cut
 * also needs a known value at every reading of that time: what was not seen is not quiet. Nobody who is busy is cut. Two
 * steps in the same direction are kept apart by the limit `cooldown`.
 *
 * The step does not follow from how much work there is, so a burst is climbed step by step and each step waits for a boot.
 * `wait-goal` has no such ladder; this is for who moves here with numbers that work.
 */
import { busyCount, currentCount } from './formation.ts';
import type { OptionSpec, Options } from './options.ts';
import { duration, number } from './wording.ts';
import type { Refusal, Sample, View, Wanted } from './words.ts';

export interface Band {
  readonly low: number;
  readonly high: number;
  readonly upBy: number;
  readonly downBy: number;
  readonly upAfterSeconds: number;
  readonly downAfterSeconds: number;
  /** A score: the smaller the worse, so more processes below `low` and fewer above `high`. */
  readonly inverted?: true;
}

export interface Metric {
  /** "the slowest 5 % of requests waited" */
  readonly title: string;
  /** Nothing: this sample does not tell. */
  of(sample: Sample): number | undefined;
  inWords(value: number): string;
  /** Why there is no value now. */
  readonly missing: string;
}

/** -1: one step down, 1: one step up, 0: stay. HireFire's and Judoscale's thresholds are not part of the band. */
export function sideOf(
  value: number,
  { low, high, inverted }: Pick<Band, 'low' | 'high' | 'inverted'>,
): -1 | 0 | 1 {
  const more = value > high ? 1 : value < low ? -1 : 0;
  return inverted ? ((0 - more || 0) as -1 | 0 | 1) : more;
}

export function wantInBand(view: View, band: Band, metric: Metric): Wanted | Refusal {
  const newest = view.samples.at(-1);
  const value = newest && metric.of(newest);
  if (value === undefined) return { unknown: metric.missing };
  const current = currentCount(view.processes);
  const side = sideOf(value, band);
  const said = `${metric.title} ${metric.inWords(value)}`;
  if (side === 0) return { count: current, reason: `${said}, ${between(band, metric)}` };
  const needed = side > 0 ? band.upAfterSeconds : band.downAfterSeconds;
  const lasted = lastedSeconds(view.samples, band, metric, side);
  const edge = metric.inWords(side > 0 !== (band.inverted ?? false) ? band.high : band.low);
  const crossed = `${said}, ${(side > 0) === (band.inverted ?? false) ? 'below' : 'above'} ${edge}`;
  if (lasted < needed)
    return { count: current, reason: `${crossed} for ${duration(lasted)} of ${duration(needed)}` };
  if (side > 0) return { count: current + band.upBy, reason: `${crossed}: ${number(band.upBy)} more` };
  return cut(view, current, band, crossed);
}

/** The options that every rule with two thresholds has, behind its own. */
export const stepOptions: readonly OptionSpec[] = [
  steps('upBy', 'Processes more', 'How many processes a step up adds.'),
  steps('downBy', 'Processes fewer', 'How many processes a step down takes away.'),
  pause(
    'upAfterSeconds',
    'Time before a step up',
    'So long the value must have been too high; 0 acts on the first one.',
  ),
  pause(
    'downAfterSeconds',
    'Time before a step down',
    'So long it must have been low enough, at every reading.',
  ),
];

export function stepsOf(options: Options): Omit<Band, 'low' | 'high'> {
  return {
    upBy: Number(options.upBy),
    downBy: Number(options.downBy),
    upAfterSeconds: Number(options.upAfterSeconds),
    downAfterSeconds: Number(options.downAfterSeconds),
  };
}

/** What is wrong with thresholds that pass their description. */
export function problemsWithBand(options: Options, low: string, high: string): string[] {
  return Number(options[low]) > Number(options[high])
    ? [`option "${low}" (${options[low]}) is above "${high}" (${options[high]})`]
    : [];
}

function cut(view: View, current: number, { downBy }: Band, crossed: string): Wanted {
  const count = Math.max(0, current - downBy);
  const busy = Math.min(current, busyCount(view));
  if (busy > count) return { count: busy, reason: `${crossed}; ${number(busy)} are busy and stay` };
  return { count, reason: `${crossed}: ${number(Math.min(current, downBy))} fewer` };
}

/** For how long the value has been on this side, without a break. */
function lastedSeconds(samples: readonly Sample[], band: Band, metric: Metric, side: -1 | 1): number {
  const newest = samples.at(-1)?.at ?? 0;
  let since = newest;
  for (const sample of samples.toReversed()) {
    const value = metric.of(sample);
    if (value === undefined && side > 0) continue;
    if (value === undefined || sideOf(value, band) !== side) break;
    since = Math.min(since, sample.at);
  }
  return (newest - since) / 1000;
}

function between({ low, high }: Band, { inWords }: Metric): string {
  return `between ${inWords(low)} and ${inWords(high)}`;
}

function steps(name: string, label: string, help: string): OptionSpec {
  return { name, label, help, type: 'number', unit: 'processes', minimum: 1, maximum: 1_000, default: 1 };
}

/** The view holds 15 minutes. */
function pause(name: string, label: string, help: string): OptionSpec {
  return { name, label, help, type: 'number', unit: 's', minimum: 0, maximum: 840, default: 0 };
}
