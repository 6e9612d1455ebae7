/**
 * What remote control changes in a worker: which jobs it drops, how fast it works, for how long, from which queues, and
 * whether it works at all. Answers are Celery's own (celery/worker/control.py, 5.6.3); `error` means that nothing changed.
 *
 * `terminate` ends the thread of a job in a pool of threads, as Celery kills a process. Elsewhere a running job cannot be
 * killed: its signal is aborted, it is off its slot and recorded as REVOKED at once, and what its handler does has no effect.
 */

import { constants } from 'node:os';
import { revoke, revokedError } from '../conclude.ts';
import { isRevoked, revokeStamp, setRate } from '../controls.ts';
import { TasksError } from '../errors.ts';
import { finish, free, type RunningJob, schedule, withdraw } from '../workbench.ts';
import { isRecord } from './command.ts';
import { processed, type WorkerNode } from './node.ts';
import { listOf, type Method } from './panel.ts';
import { tellReceived } from './received.ts';

type Fields = Readonly<Record<string, unknown>>;

export const changes: Readonly<Record<string, Method>> = {
  revoke: (node, { task_id, terminate, signal }) => {
    const ids = listOf(task_id).map(String);
    // Flower says 1 where Celery says true.
    const signum = terminate ? signalNumber(signal) : undefined;
    for (const id of ids) node.bench.controls.revoked.add(id, Date.now());
    const wanted = new Set(ids);
    dropReserved(node);
    if (signum === undefined) return { ok: `tasks ${ids.join(', ')} flagged as revoked` };
    const ended = terminateWhere(node, signum, (job) => wanted.has(job.message.id));
    return { ok: `terminate: ${ended.length > 0 ? ended.join(', ') : 'tasks unknown'}` };
  },
  terminate: (node, args) => changes.revoke?.(node, { ...args, terminate: true }),
  revoke_by_stamped_headers: (node, { headers, terminate, signal }) => {
    const { controls } = node.bench;
    const stamps = stampsIn(headers);
    const signum = terminate ? signalNumber(signal) : undefined;
    for (const [name, value] of stamps) revokeStamp(controls, name, value);
    dropReserved(node);
    const flagged = stamps.map(([name, value]) => `${name}=${value}`).join(', ');
    if (signum === undefined) return { ok: `headers ${flagged} flagged as revoked, but not terminated` };
    const ended = terminateWhere(node, signum, (job) => isRevoked(controls, job.message));
    return { ok: `headers ${flagged} flagged as revoked, terminated: ${ended.join(', ') || 'none'}` };
  },
  rate_limit: ({ bench }, { task_name: name, rate_limit: limit }) => {
    if (!bench.tasks.has(String(name))) return { error: 'unknown task' };
    if (!setRate(bench.controls, String(name), limit))
      return { error: `Invalid rate limit string: ${JSON.stringify(limit)}` };
    schedule(bench);
    const off = !bench.controls.rates.has(String(name));
    return { ok: off ? 'rate limit disabled successfully' : 'new rate limit set successfully' };
  },
  time_limit: ({ bench }, { task_name: name, soft, hard }) => {
    if (!bench.tasks.has(String(name))) return { error: 'unknown task' };
    bench.controls.timeLimits.set(String(name), {
      softSeconds: secondsOf(soft),
      hardSeconds: secondsOf(hard),
    });
    return { ok: 'time limits set successfully' };
  },
  add_consumer: async (node, { queue, exchange, exchange_type: type, routing_key: key }) => {
    const name = queueNamed(queue);
    if ((exchange || name) !== name || (type || 'direct') !== 'direct' || (key || name) !== name)
      return { error: `${boundElsewhere}. Bind the queue at the broker, then add it by its name alone` };
    if (!node.bench.queues.includes(name)) await node.takeFrom([...node.bench.queues, name]);
    return { ok: `add consumer ${name}` };
  },
  cancel_consumer: async (node, { queue }) => {
    const name = queueNamed(queue);
    await node.takeFrom(node.bench.queues.filter((one) => one !== name));
    return { ok: `no longer consuming from ${name}` };
  },
  pool_grow: ({ bench }, { n = 1 }) => resize(bench, bench.slots + Number(n), 'grow'),
  pool_shrink: ({ bench }, { n = 1 }) => resize(bench, bench.slots - Number(n), 'shrink'),
  autoscale: () => ({
    error: 'Autoscale not enabled: this worker has as many slots as pool_grow and pool_shrink leave it',
  }),
  pool_restart: () => ({
    error:
      'Pool restarts not enabled: Node loads code once; shut the worker down, and its supervisor starts it anew',
  }),
  enable_events: ({ bench }) => switchEvents(bench, true),
  disable_events: ({ bench }) => switchEvents(bench, false),
  heartbeat: ({ bench }) => {
    const load = { active: bench.running.size, processed: processed(bench) };
    void bench.events.worker('worker-heartbeat', load);
    return null;
  },
  shutdown: (node) => {
    node.bench.log('info', 'told to stop by remote control');
    node.stop();
    return { ok: 'stopping' };
  },
  election: () => null,
};

function dropReserved({ bench }: WorkerNode): void {
  const dropped = withdraw(bench, ({ message }) => message.ok && isRevoked(bench.controls, message.value));
  for (const delivery of dropped) {
    const { message } = delivery;
    tellReceived(bench, delivery);
    if (message.ok) finish(bench, () => revoke(bench, delivery, message.value));
  }
}

function terminateWhere(
  { bench }: WorkerNode,
  terminated: number,
  wanted: (job: RunningJob) => boolean,
): string[] {
  const jobs = [...bench.running].filter(wanted);
  for (const job of jobs) {
    job.stop.abort(revokedError('terminated'));
    job.abandoned = true;
    job.kill?.();
    free(bench, job);
    finish(bench, () => revoke(bench, job.delivery, job.message, { terminated }));
  }
  if (jobs.length > 0) schedule(bench);
  return jobs.map((job) => job.message.id);
}

/** Of Celery's `TERM`, `SIGTERM` or 15. A thread is ended the same way by all of them. */
function signalNumber(signal: unknown): number {
  if (signal === undefined || signal === null) return constants.signals.SIGTERM;
  const known = Object.entries(constants.signals);
  const name = String(signal);
  const found = known.find(([key, value]) => value === signal || key === name || key === `SIG${name}`);
  if (!found) throw refused(`no signal is called ${JSON.stringify(signal)}`, 'Give one such as SIGTERM');
  return found[1];
}

/** `{name: value or values}`, or `name=value` one by one, as the command line of Celery sends them. */
function stampsIn(headers: unknown): [string, string][] {
  if (isRecord(headers))
    return Object.entries(headers).flatMap(([name, values]) =>
      listOf(values).map((value): [string, string] => [name, String(value)]),
    );
  return listOf(headers).map((text) => {
    const [, name, value] = /^([^=]+)=(.*)$/s.exec(String(text)) ?? [];
    if (name === undefined || value === undefined)
      throw refused(`${JSON.stringify(text)} is no stamp`, 'Write name=value');
    return [name, value];
  });
}

const boundElsewhere = 'this worker takes from queues that are bound to the direct exchange of their name';

function queueNamed(queue: unknown): string {
  if (typeof queue === 'string' && queue !== '') return queue;
  throw refused('no queue is named', 'Give the name of a queue');
}

function refused(why: string, todo: string): TasksError {
  return new TasksError('OPTION_INVALID', 'The command was refused', why, todo);
}

const mostSlots = 10_000;

function resize(bench: WorkerNode['bench'], slots: number, how: 'grow' | 'shrink'): Fields {
  if (!Number.isSafeInteger(slots) || slots < 1 || slots > mostSlots)
    return { error: `a worker has from 1 to ${mostSlots} slots, and this one ${bench.slots}` };
  bench.slots = slots;
  schedule(bench);
  return { ok: `pool will ${how}` };
}

function switchEvents({ events }: WorkerNode['bench'], on: boolean): Fields {
  const already = events.tasks === on ? 'already ' : '';
  events.tasks = on;
  return { ok: `task events ${already}${on ? 'enabled' : 'disabled'}` };
}

function secondsOf(value: unknown): number | null {
  const seconds = Number(value);
  return value === null || !Number.isFinite(seconds) || seconds <= 0 ? null : seconds;
}
