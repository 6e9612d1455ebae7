/**
 * The jobs that Judoscale's adapters in the app count and report: what waits, what is at work, how long the oldest has waited.
 * Which of the three there are depends on the queue library; a queue of which only the wait is told gives a value, not jobs.
 */
import type { Reading } from '../decide/words.ts';
import { queueName } from './inbox/judoscale.ts';
import type { AppInbox } from './inbox/memory.ts';
import { lookOrUnknown, unknown } from './look.ts';
import type { MeterKind } from './meter.ts';

export const judoscale: MeterKind = {
  use: 'judoscale',
  title: "Jobs that Judoscale's adapters report",
  help: "Reads what Judoscale's adapters in the app report here: jobs that wait, jobs at work, the wait of the oldest.",
  options: [
    {
      name: 'queues',
      label: 'Queues',
      help: 'Names with commas between; without it every queue that is reported.',
      type: 'text',
      optional: true,
    },
    {
      name: 'maximumAgeSeconds',
      label: 'Oldest number',
      help: 'A number older than this is unknown. The adapters report every ten seconds.',
      type: 'number',
      unit: 's',
      minimum: 11,
      maximum: 60,
      default: 30,
    },
  ],
  create: (options, { inbox, now }) => {
    const named = namesIn(String(options.queues ?? ''));
    const age = Number(options.maximumAgeSeconds);
    const look = async (): Promise<Reading[]> => {
      const queues = named.length > 0 ? named : reported(inbox);
      if (queues.length === 0) return [unknown(now(), 'no adapter of Judoscale has reported a queue yet')];
      return queues.map((queue) => readQueue(inbox, queue, age, now()));
    };
    return {
      name: `judoscale ${named.join(',') || 'all queues'}`,
      read: (signal) => lookOrUnknown({ signal, now, look, explain: String }),
    };
  },
};

function readQueue(inbox: AppInbox | undefined, queue: string, age: number, at: number): Reading {
  const newest = (metric: 'jobs' | 'working' | 'latency') =>
    inbox?.newest(queueName(queue), metric, age)?.value;
  const [waiting, running, oldestSeconds] = [newest('jobs'), newest('working'), newest('latency')];
  if (waiting !== undefined)
    return {
      kind: 'jobs',
      queue,
      at,
      waiting,
      ...(running !== undefined && { running }),
      ...(oldestSeconds !== undefined && { oldestSeconds }),
    };
  if (oldestSeconds !== undefined)
    return { kind: 'value', name: 'latency', at, value: oldestSeconds, unit: 's' };
  return unknown(at, `no adapter of Judoscale has reported the queue "${queue}" within ${age} s`);
}

/** A queue that was reported and no longer is stays in the list, so that its silence is seen. */
function reported(inbox: AppInbox | undefined): string[] {
  const prefix = queueName('');
  return (inbox?.names() ?? [])
    .filter((name) => name.startsWith(prefix))
    .map((name) => name.slice(prefix.length))
    .toSorted();
}

function namesIn(text: string): string[] {
  const names = text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  return [...new Set(names)];
}
