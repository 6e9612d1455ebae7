/** What a sample says about requests: bare values are taken as they are, such as those that New Relic has worked out. */
import { meanOf, merged, percentile } from './histogram.ts';
import type { OptionSpec, Options } from './options.ts';
import { number } from './wording.ts';
import type { Histogram, RequestsReading, Sample } from './words.ts';

export type Times = 'queueTimeMs' | 'responseTimeMs';

/** Of all processes together; nothing when no meter measured requests. */
export function requestsPerSecond(sample: Sample): number | undefined {
  const requests = requestsIn(sample);
  return requests.length > 0 ? requests.reduce((total, { perSecond }) => total + perSecond, 0) : undefined;
}

/** Nothing when no time was measured although there were requests; empty when there were none. */
export function timesIn(sample: Sample, which: Times): Histogram | undefined {
  const histograms = requestsIn(sample).flatMap((reading) => (reading[which] ? [reading[which]] : []));
  if (histograms.length === 0) return undefined;
  const all = merged(histograms);
  return all.length === 0 && requestsPerSecond(sample) !== 0 ? undefined : all;
}

/** Those answered well, and how many were not. Where a meter cannot tell them apart, all count as answered well. */
export function answersIn(
  sample: Sample,
): { readonly times: Histogram; readonly failedCount: number } | undefined {
  const times = timesIn(sample, 'responseTimeMs');
  if (!times) return undefined;
  const readings = requestsIn(sample);
  const well = readings.map(({ answeredWellMs, responseTimeMs = [] }) => answeredWellMs ?? responseTimeMs);
  return {
    times: merged(well),
    failedCount: readings.reduce((sum, { failedCount = 0 }) => sum + failedCount, 0),
  };
}

/** The largest of the values of this name. */
export function valueIn(
  sample: Sample,
  matches: (name: string, unit?: string) => boolean,
): number | undefined {
  const values = sample.readings.flatMap((reading) =>
    reading.kind === 'value' && matches(reading.name, reading.unit) ? [reading.value] : [],
  );
  return values.length > 0 ? Math.max(...values) : undefined;
}

/** In milliseconds; 0 when there were no requests, so nobody waited. */
export function timeIn(sample: Sample, which: Times, name: string, options: Options): number | undefined {
  const given = valueIn(sample, (other) => other === name);
  if (given !== undefined) return given;
  const times = timesIn(sample, which);
  if (!times || times.length === 0) return times && 0;
  return options.aggregation === 'average'
    ? meanOf(times)
    : percentile(times, Number(options.percentile) / 100);
}

/** "the 95th percentile of the queue time is", "the queue time is in the mean" */
export function titleOf(what: string, options: Options): string {
  const { aggregation, percentile: share } = options;
  return aggregation === 'average' ? `the mean ${what} is` : `the ${what} at ${number(Number(share))} % is`;
}

export function aggregationOptions(): readonly OptionSpec[] {
  return [
    {
      name: 'aggregation',
      label: 'Which time counts',
      help: 'percentile: so many per cent of the requests were quicker. average: the mean of all.',
      type: 'text',
      choices: ['percentile', 'average'],
      default: 'percentile',
    },
    {
      name: 'percentile',
      label: 'Percentile',
      help: 'A higher one looks at the slower requests; it is not used for the average.',
      type: 'number',
      unit: '%',
      minimum: 1,
      maximum: 100,
      default: 95,
    },
  ];
}

function requestsIn(sample: Sample): RequestsReading[] {
  return sample.readings.filter((reading) => reading.kind === 'requests');
}
