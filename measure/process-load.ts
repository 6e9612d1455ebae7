/**
 * How busy the processes are: the load that Heroku writes to the log of an app (`heroku labs:enable log-runtime-metrics`), or
 * the share of their CPU that HireFire 2.0 libraries push. The mean over the processes of the type.
 */
import type { Reading } from '../decide/words.ts';
import type { GaugeMetric } from './inbox/pushed.ts';
import { lookOrUnknown, unknown } from './look.ts';
import type { Meter, MeterKind } from './meter.ts';

export const processLoad: MeterKind = {
  use: 'process-load',
  title: 'Load of the processes',
  help: "Reads load averages from Heroku's runtime metrics, or the CPU share that the app pushes; the mean of its processes.",
  options: [
    {
      name: 'name',
      label: 'Process type',
      help: "Whose load; without it the manager's process type.",
      type: 'text',
      optional: true,
    },
    {
      name: 'measure',
      label: 'Which number',
      help: 'load1, load5, load15: load averages over so many minutes, 1 = one busy core. cpu: percent of what the process may use. utilisation: percent of the time with a request at work, from Judoscale. event-loop: percent of the time at work, in-flight: requests at work; both from our agent.',
      type: 'text',
      choices: ['load1', 'load5', 'load15', 'cpu', 'utilisation', 'event-loop', 'in-flight'],
      default: 'load1',
    },
    {
      name: 'windowSeconds',
      label: 'Window',
      help: 'How far back numbers count. Heroku writes one every 20 s for each process.',
      type: 'number',
      unit: 's',
      minimum: 10,
      maximum: 110,
      default: 60,
    },
  ],
  create: (options, { processType, inbox, now }): Meter => {
    const name = String(options.name ?? processType);
    const measure = String(options.measure) as GaugeMetric;
    const look = async (): Promise<Reading[]> => {
      const value = inbox?.mean(name, measure, Math.floor(Number(options.windowSeconds)));
      if (value === undefined)
        return [unknown(now(), `no ${measure} of "${name}" has been brought within the window`)];
      const unit = unitOf(measure);
      return [{ kind: 'value', name: measure, at: now(), value, unit }];
    };
    return {
      name: `process-load ${name}`,
      read: (signal) => lookOrUnknown({ signal, now, look, explain: String }),
    };
  },
};

function unitOf(measure: string): string {
  if (measure === 'in-flight') return 'requests';
  return measure.startsWith('load') ? 'load' : '%';
}
