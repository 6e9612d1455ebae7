/**
 * Measures one Celery queue on RabbitMQ: what is ready, by a passive declare, which is exact at once; what workers hold,
 * run and keep for later, by a control round, because the broker tells nobody of one queue's unacknowledged messages
 * at the moment. The management API was rejected: its numbers are up to 5 seconds old, and absent after a queue was made.
 *
 * Nothing is taken from the queue, not even to look at it. The queue is counted before the round and after it: where
 * the two differ a job may have moved from one count to the other meanwhile, and the reading says that it is an estimate.
 */
import type { Channel, ChannelModel } from 'amqplib';
import type { OptionSpec, Options } from '../decide/options.ts';
import type { Reading } from '../decide/words.ts';
import { type Arrivals, createArrivals } from './arrivals.ts';
import { withStarted } from './celery-count.ts';
import { eventsOption, type Listener, rabbitEvents } from './celery-events.ts';
import { type RabbitControl, rabbitControl } from './celery-rabbit-control.ts';
import { rabbitReading, rabbitWorkersOf } from './celery-rabbit-count.ts';
import { type Delayed, delayedQueues } from './celery-rabbit-delayed.ts';
import { rabbitWorkers } from './celery-rabbit-workers.ts';
import type { Question } from './celery-workers.ts';
import { controlTimeoutOption, countsOption } from './control-options.ts';
import { lookOrUnknown, unknown } from './look.ts';
import type { MeterKind } from './meter.ts';
import { openRabbitLink, type RabbitLink, replyCode } from './rabbit.ts';
import { createTaskEvents, type TaskEvents } from './task-events.ts';

const brokerTimeoutMs = 5_000;

const options: readonly OptionSpec[] = [
  {
    name: 'url',
    label: 'Address of RabbitMQ',
    help: "Celery's broker_url: amqp://user:password@host:5672/vhost, or amqps:// for TLS; several with a semicolon between them.",
    type: 'text',
    secret: true,
  },
  { name: 'queue', label: 'Queue', help: 'The name of the queue.', type: 'text', default: 'celery' },
  {
    name: 'control',
    label: 'Ask the workers',
    help: 'Asks the workers what they hold and run. Switch it off where remote control is off (worker_enable_remote_control).',
    type: 'boolean',
    default: true,
  },
  controlTimeoutOption,
  countsOption,
  eventsOption,
];

const questions: readonly Question[] = [
  { method: 'active_queues', args: {} },
  { method: 'scheduled', args: {} },
  { method: 'reserved', args: { safe: true } },
  { method: 'active', args: { safe: true } },
  { method: 'stats', args: {} },
];

export const celeryRabbitmq: MeterKind = {
  use: 'celery-rabbitmq',
  title: 'Celery on RabbitMQ',
  help: 'Counts the jobs of a Celery queue on RabbitMQ: ready, held by workers, running, due later.',
  options,
  create: (given, { now }) => {
    const link = openRabbitLink(String(given.url));
    const controlTimeoutMs = given.control ? Number(given.controlTimeoutSeconds) * 1_000 : 0;
    const source: Source = {
      link,
      given,
      controlTimeoutMs,
      now,
      control: rabbitControl(),
      arrivals: createArrivals(),
      delayed: delayedQueues(now),
      probes: new WeakMap(),
      ...(given.events === true ? listening(given, now) : {}),
    };
    const { tasks } = source;
    const queue = String(given.queue);
    return {
      ...(controlTimeoutMs > 0 && { workers: rabbitWorkers(link, queue, controlTimeoutMs, now) }),
      ...(tasks && { tasks: tasks.take }),
      name: `celery-rabbitmq ${queue}`,
      read: async (signal) =>
        given.counts === false
          ? []
          : await lookOrUnknown({
              signal,
              now,
              timeoutMs: brokerTimeoutMs + controlTimeoutMs,
              look: (limit) => look(source, limit),
              explain: link.explain,
              failed: link.drop,
            }),
      close: async () => link.drop(),
    };
  },
};

function listening(given: Options, now: () => number): Pick<Source, 'tasks' | 'listener'> {
  const tasks = createTaskEvents(String(given.queue));
  return { tasks, listener: rabbitEvents(tasks.hear, now) };
}

interface Source {
  readonly link: RabbitLink;
  readonly given: Options;
  /** 0: the workers are not asked. */
  readonly controlTimeoutMs: number;
  readonly control: RabbitControl;
  readonly arrivals: Arrivals;
  readonly delayed: Delayed;
  readonly probes: WeakMap<ChannelModel, Promise<Channel>>;
  /** Both absent: events are not asked for. */
  readonly tasks?: TaskEvents;
  readonly listener?: Listener<ChannelModel>;
  now(): number;
}

async function look(source: Source, signal: AbortSignal): Promise<Reading[]> {
  const { link, given, controlTimeoutMs, control, now } = source;
  const queue = String(given.queue);
  const connection = await link.connected(signal);
  await source.listener?.listen(connection, signal);
  const before = await count(source, connection, queue);
  const at = now();
  if (!before) return [unknown(at, `RabbitMQ has no queue "${queue}" in this virtual host yet`)];
  const delayed = await source.delayed.count(connection);
  const consumerCount = before.consumerCount;
  const base = { queue, at, ready: before.messageCount, delayed, consumerCount };
  if (controlTimeoutMs === 0) return [rabbitReading({ ...base, moved: false, silent: false })];
  const asked = { questions, queue, consumerCount, timeoutMs: controlTimeoutMs, nowMs: at, signal };
  const { answers, silentCount } = await control.ask(connection, asked);
  const after = await count(source, connection, queue);
  const workers = rabbitWorkersOf(answers);
  const moved = after?.messageCount !== before.messageCount;
  const reading = rabbitReading({ ...base, moved, workers, silent: silentCount > 0 });
  if (silentCount > 0) return [reading, unknown(at, silence(queue, silentCount))];
  const takers = workers.map(({ queues, ...worker }) => ({
    ...worker,
    queues: queues.map(({ name }) => name),
  }));
  source.tasks?.tellQueues(new Map(takers.map(({ node, queues }) => [node, queues])));
  return [{ ...withStarted(reading, source.arrivals, takers), ...source.tasks?.totals() }];
}

function silence(queue: string, count: number): string {
  return count === 1
    ? `a worker of the queue "${queue}" does not answer, so nobody knows what it holds and runs`
    : `${count} workers of the queue "${queue}" do not answer, so nobody knows what they hold and run`;
}

/** Undefined: there is no such queue. The channel is kept, since making one takes as long as the question. */
async function count(
  { probes }: Source,
  connection: ChannelModel,
  queue: string,
): Promise<{ messageCount: number; consumerCount: number } | undefined> {
  const probe = probes.get(connection) ?? connection.createChannel();
  probes.set(connection, probe);
  const channel = await probe;
  let refusal: unknown;
  const refused = (problem: unknown): void => {
    refusal = problem;
  };
  channel.once('error', refused);
  try {
    return await channel.checkQueue(queue);
  } catch (problem) {
    probes.delete(connection);
    if (replyCode(refusal ?? problem) === 404) return undefined;
    throw refusal ?? problem;
  } finally {
    channel.removeListener('error', refused);
  }
}
