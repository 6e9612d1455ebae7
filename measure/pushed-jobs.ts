/**
 * The jobs that an app counts itself and pushes: HireFire 2.0, in any language. One process of the app holds the lease and
 * samples what our plan names; here its newest numbers are read. When nobody has spoken lately the jobs are unknown.
 */
import type { OptionSpec, Options } from '../decide/options.ts';
import type { Reading } from '../decide/words.ts';
import type { PlanEntry } from './inbox/lease.ts';
import type { AppInbox } from './inbox/memory.ts';
import { lookOrUnknown, unknown } from './look.ts';
import type { MeterKind } from './meter.ts';

const adapterNames = [
  'sidekiq',
  'solid_queue',
  'good_job',
  'que',
  'queue_classic',
  'delayed_job',
  'resque',
  'bunny',
  'celery',
  'rq',
  'dramatiq',
  'bullmq',
  'bull',
  'pg_boss',
] as const;

const options: readonly OptionSpec[] = [
  {
    name: 'name',
    label: 'Name in the pushes',
    help: "Which name the app pushes under; without it the manager's process type.",
    type: 'text',
    optional: true,
  },
  {
    name: 'means',
    label: 'What is counted',
    help: 'jobs: how many wait. seconds: how long the oldest has waited.',
    type: 'text',
    choices: ['jobs', 'seconds'],
    default: 'jobs',
  },
  {
    name: 'adapter',
    label: 'Queue library',
    help: 'Lets the agent count this library by itself; without it the app must say what to count for the name.',
    type: 'text',
    choices: adapterNames,
    optional: true,
  },
  {
    name: 'queues',
    label: 'Queues',
    help: 'Names of queues with commas between, for the queue library; without it all of them. bunny, celery and dramatiq need them.',
    type: 'text',
    optional: true,
  },
  {
    name: 'maximumAgeSeconds',
    label: 'Oldest number',
    help: 'A number older than this is unknown. The agent samples every few seconds.',
    type: 'number',
    unit: 's',
    minimum: 5,
    maximum: 60,
    default: 30,
  },
];

export const pushedJobs: MeterKind = {
  use: 'pushed-jobs',
  title: 'Jobs that the app pushes',
  help: 'Reads what a HireFire 2.0 library in the app counts and pushes here. The app needs no web process and no address.',
  options,
  plan: planFor,
  create: (given, { processType, inbox, now }) => {
    const name = String(given.name ?? processType);
    const look = async (): Promise<Reading[]> => {
      const readings = inbox ? readPushed(inbox, name, given, now()) : [];
      return readings.length > 0 ? readings : [unknown(now(), whyNothing(inbox, name))];
    };
    return {
      name: `pushed-jobs ${name}`,
      read: (signal) => lookOrUnknown({ signal, now, look, explain: String }),
    };
  },
};

/** The newest pushed number of a name as the reading that the options ask for; empty when there is none. */
export function readPushed(inbox: AppInbox, name: string, given: Options, at: number): Reading[] {
  const age = Number(given.maximumAgeSeconds ?? 30);
  const latency = inbox.newest(name, 'latency', age);
  if (given.means === 'seconds') {
    const seconds = latency ?? inbox.newest(name, 'sample', age);
    return seconds ? [{ kind: 'value', name: 'latency', at, value: seconds.value, unit: 's' }] : [];
  }
  const jobs = inbox.newest(name, 'jobs', age) ?? inbox.newest(name, 'sample', age);
  if (!jobs) return [];
  const working = inbox.newest(name, 'working', age);
  const later = inbox.newest(name, 'later', age);
  return [
    {
      kind: 'jobs',
      queue: name,
      at,
      waiting: jobs.value,
      ...(working && { running: working.value }),
      ...(later && { later: later.value }),
      ...(latency && { oldestSeconds: latency.value }),
    },
  ];
}

/** With a queue library, what waits and what runs are asked for apart; without one the app's own number is taken as it is. */
export function planFor(given: Options, processType: string): PlanEntry {
  const strategy = given.means === 'seconds' ? 'jql' : 'jqs';
  const entry: PlanEntry = { name: String(given.name ?? processType), strategy };
  if (given.adapter === undefined) return entry;
  const queues = String(given.queues ?? '')
    .split(',')
    .map((queue) => queue.trim())
    .filter((queue) => queue !== '');
  return {
    ...entry,
    adapter: String(given.adapter),
    ...(queues.length > 0 && { queues }),
    ...(strategy === 'jqs' && { options: { skip_working: true } }),
  };
}

function whyNothing(inbox: AppInbox | undefined, name: string): string {
  const agent = inbox?.pushingAgent();
  if (agent === undefined) return 'no HireFire 2 library of this app has been heard within the last minute';
  return `${agent} has pushed no count of "${name}" lately: ${
    inbox?.lease.holder() ? 'the process that samples has not sent it' : 'no process of the app samples'
  }`;
}
