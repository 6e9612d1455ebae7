/** Reads the number that an app answers at its info endpoint: any app with our agent or a HireFire library. */
import { nearest } from '../decide/options.ts';
import type { Reading } from '../decide/words.ts';
import { fetchInfo, type Info } from './info.ts';
import { lookOrUnknown, unknown } from './look.ts';
import type { MeterKind } from './meter.ts';

export const httpInfo: MeterKind = {
  use: 'http-info',
  title: "The app's info endpoint",
  help: 'Asks the app at /hirefire/<token>/info how much work waits. The app has our agent or a HireFire library.',
  options: [
    {
      name: 'name',
      label: 'Name in the answer',
      help: "Which entry of the answer to read; without it the manager's process type.",
      type: 'text',
      optional: true,
    },
    {
      name: 'means',
      label: 'What the number is',
      help: 'jobs: how many wait. seconds: how long the oldest has waited. The answer itself does not say.',
      type: 'text',
      choices: ['jobs', 'seconds'],
      default: 'jobs',
    },
    {
      name: 'timeoutSeconds',
      label: 'Time limit',
      help: 'An answer that is not complete by then is unknown.',
      type: 'number',
      unit: 's',
      minimum: 0.05,
      maximum: 30,
      default: 5,
    },
  ],
  create: (options, { appUrl, appToken, processType, now }) => {
    const name = String(options.name ?? processType);
    const timeoutMs = Number(options.timeoutSeconds) * 1_000;
    const look = async (signal: AbortSignal): Promise<Reading[]> => {
      if (!appUrl) return [unknown(now(), 'the app has no address: set its url')];
      const info = await fetchInfo(appUrl, appToken, signal, { timeoutMs });
      return [readingOf(info, name, options.means === 'seconds', now())];
    };
    return {
      name: `http-info ${name}`,
      read: (signal) => lookOrUnknown({ signal, now, look, explain: String }),
    };
  },
};

function readingOf(info: Info, name: string, seconds: boolean, at: number): Reading {
  if (!info.ok) return unknown(at, `${info.url}: ${info.problem}`);
  const [entry, second] = info.entries.filter((candidate) => candidate.name === name);
  if (!entry) return unknown(at, `${info.url} has no entry "${name}": ${othersIn(info, name)}`);
  if (second) return unknown(at, `${info.url} has two entries "${name}"`);
  if (entry.value === null) return unknown(at, `${info.url}, entry "${name}": ${entry.problem}`);
  return seconds
    ? { kind: 'value', name: 'latency', at, value: entry.value, unit: 's' }
    : { kind: 'jobs', queue: name, at, waiting: entry.value };
}

function othersIn(info: Info, name: string): string {
  const names = info.entries.map((entry) => entry.name);
  const near = nearest(name, names);
  if (near) return `did you mean "${near}"?`;
  return `it has ${
    names
      .slice(0, 10)
      .map((other) => `"${other.slice(0, 64)}"`)
      .join(', ') || 'none at all'
  }`;
}
