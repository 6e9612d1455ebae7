/**
 * Measures one Celery queue on Redis exactly: what waits in every priority step and in the hands of workers, what runs (with
 * early acknowledgement too, which the broker does not show), what is due later, and how many slots there are.
 *
 * One pipeline takes a snapshot of the broker and puts the questions to the workers (celery-broker.ts,
 * celery-control.ts); celery-count.ts makes one reading of both. LLEN alone, which most autoscalers read, sees 41 of 51
 * jobs of a busy queue, and an empty queue where workers hold 30 jobs with a countdown.
 */
import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { HeadcountError } from '../decide/errors.ts';
import type { OptionSpec, Options } from '../decide/options.ts';
import type { Reading } from '../decide/words.ts';
import { type Arrivals, createArrivals } from './arrivals.ts';
import { addSnapshot, parseSnapshot, type QueuePlace, readBindings } from './celery-broker.ts';
import { controlRound } from './celery-control.ts';
import { readingOf, withStarted } from './celery-count.ts';
import { eventsOption, type Listener, redisEvents } from './celery-events.ts';
import { celerySendAgain } from './celery-send-again.ts';
import { celeryWorkers } from './celery-workers.ts';
import { controlTimeoutOption, countsOption } from './control-options.ts';
import { lookOrUnknown } from './look.ts';
import type { MeterKind } from './meter.ts';
import { openRedisLink, type RedisLink } from './redis.ts';
import type { SendAgain } from './send-again.ts';
import { createTaskEvents, type TaskEvents } from './task-events.ts';
import type { Workers } from './workers.ts';

const brokerTimeoutMs = 5_000;

const options: readonly OptionSpec[] = [
  {
    name: 'url',
    label: 'Address of Redis',
    help: "Celery's broker_url: redis://user:password@host:6379/0, rediss:// for TLS, or sentinel:// addresses with ; between (rediss+sentinel:// for TLS to the server).",
    type: 'text',
    secret: true,
  },
  {
    name: 'masterName',
    label: 'Master behind sentinels',
    help: "The broker's transport option master_name; only for addresses of sentinels.",
    type: 'text',
    default: '',
  },
  { name: 'queue', label: 'Queue', help: 'The name of the queue.', type: 'text', default: 'celery' },
  {
    name: 'keyPrefix',
    label: 'Key prefix',
    help: "The broker's transport option global_keyprefix, where it is set.",
    type: 'text',
    default: '',
  },
  {
    name: 'separator',
    label: 'Separator',
    help: "The broker's transport option sep, where it is set: it stands between queue and priority step.",
    type: 'text',
    default: '\x06\x16',
  },
  {
    name: 'prioritySteps',
    label: 'Priority steps',
    help: "The broker's transport option priority_steps, where it is set.",
    type: 'text',
    default: '0,3,6,9',
  },
  {
    name: 'control',
    label: 'Ask the workers',
    help: 'Asks the workers what runs. Switch it off where remote control is off (worker_enable_remote_control).',
    type: 'boolean',
    default: true,
  },
  controlTimeoutOption,
  countsOption,
  eventsOption,
  {
    name: 'resultsUrl',
    label: 'Address of the results',
    help: "Celery's result_backend, where it is another Redis or database than the broker: failed tasks are sent again with the arguments that result_extended keeps there.",
    type: 'text',
    secret: true,
    optional: true,
  },
];

export const celeryRedis: MeterKind = {
  use: 'celery-redis',
  title: 'Celery on Redis',
  help: 'Counts the jobs of a Celery queue on Redis exactly: all priorities, held by workers, running, due later.',
  options,
  create: (given, { now }) => {
    const link = openRedisLink(String(given.url), String(given.masterName));
    const controlTimeoutMs = given.control ? Number(given.controlTimeoutSeconds) * 1_000 : 0;
    const source: Source = {
      link,
      given,
      controlTimeoutMs,
      inbox: `headcount-${randomUUID()}`,
      arrivals: createArrivals(),
      ...(given.events === true ? listening(given, now) : {}),
      now,
    };
    const { tasks, listener } = source;
    const workers = controlTimeoutMs > 0 ? workersOf(source) : undefined;
    return {
      ...(workers && { workers }),
      again: againOf(source),
      ...(tasks && { tasks: tasks.take }),
      name: `celery-redis ${given.queue}`,
      read: async (signal) =>
        given.counts === false
          ? []
          : await lookOrUnknown({
              signal,
              now,
              timeoutMs: brokerTimeoutMs + controlTimeoutMs,
              look: async (limit) => [await look(source, limit)],
              explain: link.explain,
              failed: link.drop,
            }),
      close: async () => {
        listener?.close();
        link.drop();
      },
    };
  },
};

function listening(given: Options, now: () => number): Pick<Source, 'tasks' | 'listener'> {
  const tasks = createTaskEvents(String(given.queue));
  const place = {
    url: String(given.url),
    masterName: String(given.masterName),
    keyPrefix: String(given.keyPrefix),
    separator: String(given.separator),
  };
  return { tasks, listener: redisEvents(place, tasks.hear, now) };
}

interface Source {
  readonly link: RedisLink;
  readonly given: Options;
  /** 0: the workers are not asked. */
  readonly controlTimeoutMs: number;
  readonly inbox: string;
  readonly arrivals: Arrivals;
  /** Both absent: events are not asked for. */
  readonly tasks?: TaskEvents;
  readonly listener?: Listener<Redis>;
  now(): number;
}

async function look(source: Source, signal: AbortSignal): Promise<Reading> {
  const { link, given, controlTimeoutMs, inbox, now, tasks } = source;
  const place = placeOf(given);
  const redis = await link.connected(signal);
  await source.listener?.listen(redis, signal);
  const at = now();
  const asked = { ...place, inbox, database: link.database };
  const round = controlTimeoutMs > 0 ? controlRound(asked, controlTimeoutMs, at) : undefined;
  const pipeline = addSnapshot(redis.pipeline(), place, at);
  round?.ask(pipeline);
  const [snapshotReply, ...heard] = await repliesOf(pipeline);
  const snapshot = parseSnapshot(snapshotReply);
  const workers = await round?.gather(redis, heard, signal);
  const active = workers?.flatMap((worker) => worker.active) ?? [];
  const exchanges = [...snapshot.held, ...snapshot.leased, ...active].map((message) => message.exchange);
  const leadsHere = await readBindings(redis, place, exchanges);
  if (workers) tasks?.tellQueues(new Map(workers.map(({ node, queues }) => [node, queues])));
  const reading = readingOf({ queue: place.queue, at, snapshot, workers, leadsHere });
  return { ...withStarted(reading, source.arrivals, workers), ...tasks?.totals() };
}

function againOf({ given, now }: Source): SendAgain {
  const [url, resultsUrl, masterName] = [given.url, given.resultsUrl ?? '', given.masterName].map(String);
  return celerySendAgain({
    openBroker: () => openRedisLink(url ?? '', masterName),
    ...(resultsUrl && { openResults: () => openRedisLink(resultsUrl, masterName) }),
    queue: String(given.queue),
    place: () => placeOf(given),
    now,
  });
}

/** Nothing where the options are wrong; the first look says so. */
function workersOf({ link, given, controlTimeoutMs, now }: Source): Workers | undefined {
  try {
    // An inbox of its own: a look and a word to the workers may be under way at once.
    const place = { ...placeOf(given), inbox: `headcount-${randomUUID()}`, database: link.database };
    return celeryWorkers(link, place, controlTimeoutMs, now);
  } catch {
    return undefined;
  }
}

/** The replies in order; the first that is an error is thrown. */
async function repliesOf(pipeline: ReturnType<Redis['pipeline']>): Promise<unknown[]> {
  const results = (await pipeline.exec()) ?? [];
  return results.map(([problem, reply]) => {
    if (problem) throw problem;
    return reply;
  });
}

function placeOf(given: Options): QueuePlace {
  const steps = String(given.prioritySteps)
    .split(',')
    .map((step) => Number(step.trim() || 'none'));
  if (!steps.every((step) => Number.isInteger(step) && step >= 0) || steps.length > 100)
    throw new HeadcountError(
      'OPTION_INVALID',
      `the option prioritySteps is ${JSON.stringify(given.prioritySteps)}`,
      'it must be whole numbers with commas between them',
      "Write the broker's own priority_steps, by default 0,3,6,9",
    );
  return {
    queue: String(given.queue),
    keyPrefix: String(given.keyPrefix),
    separator: String(given.separator),
    steps,
  };
}
