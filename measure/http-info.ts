/**
 * Reads the number that an app answers at its info endpoint: any app with our agent or a HireFire library.
 *
 * HireFire 2.0 has no such endpoint: its libraries push. While one is heard, what it pushed is read and nothing is asked, so an
 * app that updates its library needs no other meter. The 1.x library for Python answers 0 when its broker is down, so
 * its first 0 after work, or ever, is doubted: it counts when the next reading says so again.
 */
import { nearest } from '../decide/options.ts';
import type { Reading } from '../decide/words.ts';
import { fetchInfo, type Info } from './info.ts';
import { lookOrUnknown, unknown } from './look.ts';
import type { MeterKind } from './meter.ts';
import { planFor, readPushed } from './pushed-jobs.ts';

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
  plan: planFor,
  create: (options, { appUrl, appToken, processType, inbox, poll = fetchInfo, now }) => {
    const name = String(options.name ?? processType);
    const timeoutMs = Number(options.timeoutSeconds) * 1_000;
    const doubt = createDoubt();
    const look = async (signal: AbortSignal): Promise<Reading[]> => {
      const agent = inbox?.pushingAgent();
      if (inbox && agent !== undefined) {
        const [reading] = readPushed(inbox, name, options, now());
        return [
          reading ??
            unknown(
              now(),
              `${agent} pushes for this app, so it is not asked; of "${name}" it has pushed nothing lately`,
            ),
        ];
      }
      if (!appUrl) return [unknown(now(), 'the app has no address: set its url')];
      const info = await poll(appUrl, appToken, signal, { timeoutMs });
      return [doubt(info, readingOf(info, name, options.means === 'seconds', now()))];
    };
    return {
      name: `http-info ${name}`,
      read: (signal) => lookOrUnknown({ signal, now, look, explain: String }),
    };
  },
};

/** Doubts a sudden 0 of a library that says 0 for a broker that is down; the second 0 in a row is believed. */
function createDoubt(): (info: Info, reading: Reading) => Reading {
  let zeroCount = 0;
  return (info, reading) => {
    const value =
      reading.kind === 'jobs' ? reading.waiting : reading.kind === 'value' ? reading.value : undefined;
    if (value === undefined) return reading;
    zeroCount = value === 0 ? zeroCount + 1 : 0;
    if (zeroCount !== 1 || !/^Python-(?:1\.|unknown)/.test(info.library ?? '')) return reading;
    const why = `${info.library} answers 0 also when its broker is down: a second 0 must confirm it`;
    return unknown(reading.at, why);
  };
}

function readingOf(info: Info, name: string, seconds: boolean, at: number): Reading {
  if (!info.ok) return unknown(at, `${info.url}: ${info.problem}`);
  const [entry, second] = info.entries.filter((candidate) => candidate.name === name);
  if (!entry) return unknown(at, `${info.url} has no entry "${name}": ${othersIn(info, name)}`);
  if (second) return unknown(at, `${info.url} has two entries "${name}"`);
  if (entry.value === null) return unknown(at, `${info.url}, entry "${name}": ${entry.problem}`);
  const { value, jobs = { waiting: value } } = entry;
  if (!seconds) return { kind: 'jobs', queue: name, at, ...jobs };
  const latency = entry.jobs ? entry.jobs.oldestSeconds : value;
  return latency === undefined
    ? unknown(
        at,
        `${info.url}, entry "${name}": the app counts jobs and cannot tell how long the oldest waits`,
      )
    : { kind: 'value', name: 'latency', at, value: latency, unit: 's' };
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
