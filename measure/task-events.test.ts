import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { percentile } from '../decide/histogram.ts';
import { createTaskEvents, otherTasks, type TaskEvents } from './task-events.ts';

const minute = 1_000_000_020_000;
const seconds = minute / 1_000;

function told(queue = 'celery', takes: readonly string[] = ['celery']): TaskEvents {
  const events = createTaskEvents(queue);
  events.tellQueues(new Map([['a@b', takes]]));
  return events;
}

const say = (type: string, uuid: string, after: number, fields: object = {}): object => ({
  type: `task-${type}`,
  uuid,
  hostname: 'a@b',
  timestamp: seconds + after,
  ...fields,
});

test('one job that succeeds, one that fails and one that is tried again', () => {
  const events = told();
  events.hear(say('sent', '1', 0, { name: 'music.load', queue: 'celery', hostname: 'gen1@web' }));
  for (const id of ['1', '2', '3']) events.hear(say('received', id, 2, { name: 'music.load' }));
  for (const id of ['1', '2', '3']) events.hear(say('started', id, 5));
  events.hear(say('succeeded', '1', 6, { runtime: 1 }));
  events.hear(say('failed', '2', 8, { exception: `ValueError('no')${'x'.repeat(2_000)}` }));
  events.hear(say('retried', '3', 9, { exception: 'x' }));
  const { parts, failures } = events.take();
  expect(parts).toEqual([
    {
      task: 'music.load',
      queue: 'celery',
      at: minute - (minute % 60_000),
      received: 3,
      succeeded: 1,
      failed: 1,
      retried: 1,
      revoked: 0,
      runMs: expect.any(Array),
      runMsSum: expect.closeTo(4_000, 0),
      waitMs: [[expect.closeTo(5_000, -3), 1]],
    },
  ]);
  expect(parts[0]?.runMs).toHaveLength(2);
  expect(failures).toMatchObject([{ task: 'music.load', id: '2', worker: 'a@b', queue: 'celery' }]);
  expect(failures[0]?.error).toHaveLength(1_000);
  expect(events.totals()).toEqual({
    finishedTotal: 2,
    failedTotal: 1,
    busySecondsTotal: expect.closeTo(4, 3),
  });
  expect(events.take()).toEqual({ parts: [], failures: [] });
});

test('each job is counted by the meter of its queue, and by one only', () => {
  const all = ['high', 'low'].map((queue) => told(queue, ['high', 'low']));
  for (const events of all) {
    events.hear(say('sent', '1', 0, { name: 'a', queue: 'low', hostname: 'gen1@web' }));
    events.hear(say('received', '1', 1, { name: 'a' }));
    events.hear(say('received', '2', 1, { name: 'b' }));
    events.hear(say('received', '3', 1, { name: 'c', hostname: 'stranger@b' }));
  }
  expect(all.map((events) => events.take().parts.map(({ task, queue }) => [task, queue]))).toEqual([
    [['b', 'high,low']],
    [['a', 'low']],
  ]);
});

test('a wait begins when a job is due', () => {
  const events = told();
  const eta = new Date((seconds + 30) * 1_000).toISOString();
  events.hear(say('sent', '1', 0, { name: 'a', queue: 'celery', eta }));
  events.hear(say('started', '1', 32));
  expect(percentile(events.take().parts[0]?.waitMs ?? [], 0.5)).toBeCloseTo(2_000, -3);
});

test('a producer that tells late is heard', () => {
  const events = told();
  events.hear(say('received', '1', 1, { name: 'a' }));
  events.hear(say('started', '1', 3));
  events.hear(say('sent', '1', 0, { name: 'a', queue: 'celery' }));
  const [part] = events.take().parts;
  expect(part).toMatchObject({ task: 'a', received: 1 });
  expect(percentile(part?.waitMs ?? [], 0.5)).toBeCloseTo(3_000, -3);
});

test('names are bounded: what comes late is put together', () => {
  const events = told();
  for (let index = 0; index < 500; index++)
    events.hear(say('received', String(index), 1, { name: `task-${index}` }));
  const { parts } = events.take();
  expect(parts).toHaveLength(201);
  expect(parts.find(({ task }) => task === otherTasks)?.received).toBe(300);
});

describe('percentiles', () => {
  test('err upwards by at most 5 %', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0.0002, max: 80_000, noNaN: true }), { minLength: 1, maxLength: 50 }),
        (runtimes) => {
          const events = told();
          for (const [id, runtime] of runtimes.entries())
            events.hear(say('succeeded', String(id), 1, { name: 'a', runtime }));
          const { runMs } = events.take().parts[0] ?? { runMs: [] };
          const truth = runtimes.sort((a, b) => a - b)[Math.ceil(0.95 * runtimes.length - 1e-9) - 1] ?? 0;
          const found = percentile(runMs, 0.95) ?? 0;
          expect(found).toBeGreaterThanOrEqual(truth * 1_000 * 0.9999);
          expect(found).toBeLessThanOrEqual(truth * 1_000 * 1.0502);
        },
      ),
    );
  });
});

test('what strangers send is passed over', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (event) => {
      const events = told();
      events.hear(event);
      events.hear({ type: 'task-received', uuid: 'x', timestamp: 1, name: event, hostname: 'a@b' });
      expect(events.take().parts.length).toBeLessThanOrEqual(1);
    }),
  );
});
