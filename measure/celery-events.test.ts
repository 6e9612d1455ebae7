/** The events of real workers, Python's and ours, on Redis and on RabbitMQ, against what the jobs were told to do. */
import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createApp } from '@headcount/tasks';
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest';
import { has, startRabbit, startRedis, temporaryFolder } from '../checks/fixtures.ts';
import { killGroup, until } from '../checks/servers.ts';
import { celeryRabbitmq } from './celery-rabbitmq.ts';
import { celeryRedis } from './celery-redis.ts';
import type { Meter, MeterKind } from './meter.ts';
import type { TaskFailure, TaskPart } from './task-events.ts';

const limitMs = 180_000;
const patience = AbortSignal.timeout(900_000);

const brokers = [
  { kind: celeryRedis, start: startRedis, here: has('redisServer') },
  { kind: celeryRabbitmq, start: startRabbit, here: has('rabbitmq') },
] as const;

function meterOf(kind: MeterKind, url: string): Meter {
  const defaults = kind.options.map(({ name, default: value }) => [name, value ?? '']);
  const options = { ...Object.fromEntries(defaults), url, events: true };
  return kind.create(options, { appToken: 'token', processType: 'worker', now: Date.now });
}

/** Reads until all was told that there is to tell of these jobs, and puts it together by task name. */
async function told(meter: Meter, attempts: number, waits: number) {
  const parts: TaskPart[] = [];
  const failures: TaskFailure[] = [];
  await until(
    async () => {
      await meter.read(patience);
      const seen = meter.tasks?.() ?? { parts: [], failures: [] };
      parts.push(...seen.parts);
      failures.push(...seen.failures);
      const ended = parts.reduce((sum, part) => sum + part.succeeded + part.failed + part.retried, 0);
      const first = parts.filter(({ task }) => !task.endsWith('again'));
      // What a producer tells may come after the end of its job.
      return ended >= attempts && first.reduce((sum, { waitMs }) => sum + cells(waitMs), 0) >= waits;
    },
    'the events',
    60_000,
  );
  const totals = new Map<string, Record<string, number>>();
  for (const { task, queue, received, succeeded, failed, retried, runMs, waitMs } of parts) {
    const key = `${queue} ${task}`;
    const sum = totals.get(key) ?? { received: 0, succeeded: 0, failed: 0, retried: 0, ran: 0, waited: 0 };
    const counted = { received, succeeded, failed, retried, ran: cells(runMs), waited: cells(waitMs) };
    for (const [name, value] of Object.entries(counted)) sum[name] = (sum[name] ?? 0) + value;
    totals.set(key, sum);
  }
  return { totals: Object.fromEntries(totals), failures, parts };
}

function cells(histogram: TaskPart['runMs']): number {
  return histogram.reduce((sum, [, count]) => sum + count, 0);
}

for (const { kind, start, here } of brokers)
  describe.skipIf(!here)(`events by ${kind.use}`, () => {
    const folder = temporaryFolder('celery-events');
    const children = new Set<ChildProcess>();
    let server: Awaited<ReturnType<typeof start>>;
    let url: string;
    beforeAll(async () => {
      server = await start();
      url = kind.use === 'celery-redis' ? `${server.url}/3` : server.url;
      writeFileSync(join(folder.path, 'eventful.py'), eventful);
    }, limitMs);
    afterAll(async () => {
      for (const child of children) killGroup(child);
      await server.stop();
      folder.remove();
    }, limitMs);

    test.skipIf(!has('python'))(
      'a worker of Python that was not told to send any',
      async () => {
        onTestFinished(() => {
          for (const child of children) killGroup(child);
          children.clear();
        });
        const python = (...args: string[]): ChildProcess => {
          const env = { ...process.env, BROKER: url.replace(/(:\d+)$/, '$1//') };
          const options = { cwd: folder.path, env, detached: true, stdio: 'ignore' } as const;
          const child = spawn(inject('servers').python, args, options);
          children.add(child);
          return child;
        };
        python('-m', 'celery', '-A', 'eventful', 'worker', '-l', 'error', '-c', '2', '-n', 'eventful@here');
        const meter = meterOf(kind, url);
        await until(
          async () => {
            const [reading] = await meter.read(patience);
            return reading?.kind === 'jobs' && reading.slots === 2;
          },
          'the worker',
          60_000,
        );
        // What it sends of the jobs of the probe says that it heard: then the truth begins.
        const probe = meterOf(kind, url);
        await until(
          async () => {
            await probe.read(patience);
            const sender = python('eventful.py', '1', '0', '0');
            await new Promise((resolve) => sender.once('exit', resolve));
            await probe.read(patience);
            return (probe.tasks?.().parts.length ?? 0) > 0;
          },
          'the first event',
          60_000,
        );
        await until(async () => {
          const [reading] = await meter.read(patience);
          return reading?.kind === 'jobs' && reading.waiting === 0 && reading.running === 0;
        }, 'rest');
        await probe.close?.();
        await meter.close?.();

        const counting = meterOf(kind, url);
        await counting.read(patience);
        const sender = python('eventful.py', '10', '3', '2');
        await new Promise((resolve) => sender.once('exit', resolve));
        const { totals, failures, parts } = await told(counting, 17, 13);
        expect(totals).toMatchObject({
          'celery eventful.ok': { succeeded: 10, failed: 0, retried: 0, ran: 10, waited: 10 },
          'celery eventful.bad': { succeeded: 0, failed: 3, retried: 0, ran: 3, waited: 3 },
          'celery eventful.again': { succeeded: 2, failed: 0, retried: 2, ran: 2 },
        });
        expect(failures).toHaveLength(3);
        expect(failures[0]).toMatchObject({ task: 'eventful.bad', worker: 'eventful@here', queue: 'celery' });
        expect(failures[0]?.error).toContain("ValueError('no such track')");
        // A part that only tells of receipts has no run time.
        const slow = parts.filter(({ task }) => task === 'eventful.ok');
        expect(slow.reduce((sum, { runMsSum }) => sum + runMsSum, 0)).toBeGreaterThanOrEqual(10 * 50);
        const [reading] = await counting.read(patience);
        expect(reading).toMatchObject({ finishedTotal: 15, failedTotal: 3 });
        await counting.close?.();
      },
      limitMs,
    );

    test(
      'a worker of @headcount/tasks',
      async () => {
        const app = createApp({ broker: url, queue: 'ours', ignoreResult: true, log: () => {} });
        let asked = 0;
        const task = app.task<[boolean], void>('ours.work', async (_, bad) => {
          asked++;
          if (bad) throw new TypeError('a bad one');
        });
        const defaults = kind.options.map(({ name, default: value }) => [name, value ?? '']);
        const options = { ...Object.fromEntries(defaults), url, queue: 'ours', events: true };
        const meter = kind.create(options, { appToken: 'token', processType: 'worker', now: Date.now });
        const worker = app.worker({ queues: ['ours'], concurrency: 2 });
        const over = worker.run({ handleSignals: false });
        await until(async () => {
          const [reading] = await meter.read(patience);
          return reading?.kind === 'jobs' && reading.slots === 2;
        }, 'the worker');
        await meter.close?.();
        const counting = kind.create(options, { appToken: 'token', processType: 'worker', now: Date.now });
        // Until it has obeyed, jobs are silent.
        await until(async () => {
          await task.delay(false);
          await counting.read(patience);
          return (counting.tasks?.().parts.length ?? 0) > 0;
        }, 'the first event');
        const before = asked;
        await until(async () => {
          await counting.read(patience);
          const [reading] = await counting.read(patience);
          counting.tasks?.();
          return reading?.kind === 'jobs' && reading.waiting === 0 && reading.running === 0;
        }, 'rest');
        expect(before).toBeGreaterThan(0);
        const [rested] = await counting.read(patience);
        const finished = rested?.kind === 'jobs' ? (rested.finishedTotal ?? 0) : 0;
        await task.delayMany([[false], [true], [false], [true]]);
        await until(async () => {
          const [reading] = await counting.read(patience);
          return reading?.kind === 'jobs' && (reading.finishedTotal ?? 0) >= finished + 4;
        }, 'the four');
        const { parts, failures } = counting.tasks?.() ?? { parts: [], failures: [] };
        expect(parts.every(({ task: name, queue }) => name === 'ours.work' && queue === 'ours')).toBe(true);
        expect(parts.reduce((sum, { failed }) => sum + failed, 0)).toBe(2);
        expect(failures).toHaveLength(2);
        expect(failures[0]?.error).toContain('a bad one');
        await counting.close?.();
        worker.stop();
        await over;
        await app.close();
      },
      limitMs,
    );
  });

const eventful = `
import os, sys, time
from celery import Celery

app = Celery('eventful', broker=os.environ['BROKER'])
app.conf.update(task_ignore_result=True, task_send_sent_event=True)

@app.task(name='eventful.ok')
def ok():
    time.sleep(0.05)

@app.task(name='eventful.bad')
def bad():
    raise ValueError('no such track')

@app.task(bind=True, name='eventful.again')
def again(self):
    if self.request.retries == 0:
        raise self.retry(countdown=0)

if __name__ == '__main__':
    for task, count in zip((ok, bad, again), sys.argv[1:]):
        for _ in range(int(count)):
            task.delay()
`;
