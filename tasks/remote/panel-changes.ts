/**
 * What remote control changes in a worker: which jobs it drops, how fast it works, for how long, from which queues, and
 * whether it works at all. Answers are Celery's own (celery/worker/control.py, 5.6.3); `error` means that nothing changed.
 *
 * `terminate` ends the thread of a job in a pool of threads, as Celery kills a process. Elsewhere a running job cannot be
 * killed: its signal is aborted, it is off its slot and recorded as REVOKED at once, and what its handler does has no effect.
 */

import { revoke, revokedError } from '../conclude.ts';
import { isRevoked, setRate } from '../controls.ts';
import { finish, free, type RunningJob, schedule, withdraw } from '../workbench.ts';
import { processed, type WorkerNode } from './node.ts';
import { listOf, type Method } from './panel.ts';

type Fields = Readonly<Record<string, unknown>>;

export const changes: Readonly<Record<string, Method>> = {
  revoke: (node, { task_id, terminate, signal }) => {
    const ids = listOf(task_id).map(String);
    for (const id of ids) node.bench.controls.revoked.add(id, Date.now());
    const wanted = new Set(ids);
    dropReserved(node);
    if (terminate !== true) return { ok: `tasks ${ids.join(', ')} flagged as revoked` };
    const ended = terminateWhere(node, signal, (job) => wanted.has(job.message.id));
    return { ok: `terminate: ${ended.length > 0 ? ended.join(', ') : 'tasks unknown'}` };
  },
  terminate: (node, args) => changes.revoke?.(node, { ...args, terminate: true }),
  revoke_by_stamped_headers: (node, { headers, terminate, signal }) => {
    const { controls } = node.bench;
    for (const [name, values] of Object.entries((headers ?? {}) as Fields)) {
      const known = controls.revokedStamps.get(name) ?? new Set();
      for (const value of listOf(values)) known.add(String(value));
      controls.revokedStamps.set(name, known);
    }
    dropReserved(node);
    const stamped = (job: RunningJob): boolean => isRevoked(controls, job.message);
    const ended = terminate === true ? terminateWhere(node, signal, stamped) : [];
    return { ok: `headers ${JSON.stringify(headers ?? {})} flagged as revoked, ended: ${ended.length}` };
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
  add_consumer: async (node, { queue }) => {
    const name = String(queue);
    if (!node.bench.queues.includes(name)) await node.takeFrom([...node.bench.queues, name]);
    return { ok: `add consumer ${name}` };
  },
  cancel_consumer: async (node, { queue }) => {
    const name = String(queue);
    await node.takeFrom(node.bench.queues.filter((one) => one !== name));
    return { ok: `no longer consuming from ${name}` };
  },
  pool_grow: ({ bench }, { n = 1 }) => resize(bench, bench.slots + Number(n), 'grow'),
  pool_shrink: ({ bench }, { n = 1 }) => resize(bench, bench.slots - Number(n), 'shrink'),
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
    if (message.ok) finish(bench, () => revoke(bench, delivery, message.value));
  }
}

function terminateWhere(
  { bench }: WorkerNode,
  signal: unknown,
  wanted: (job: RunningJob) => boolean,
): string[] {
  const jobs = [...bench.running].filter(wanted);
  const terminated = String(signal ?? 'SIGTERM');
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
