/** When a job is told as received, on a virtual clock. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Delivery } from '../broker.ts';
import { newMessage } from '../message.ts';
import type { Bench } from '../workbench.ts';
import { came, tellReceived } from './received.ts';

const begin = 1_700_000_000_000;

beforeEach(() => {
  vi.useFakeTimers({ now: begin });
});
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

function workplace(tasks = ['t']): { bench: Bench; told: [unknown, unknown][] } {
  const told: [unknown, unknown][] = [];
  const events = {
    tasks: true,
    task: (type: string, { uuid, timestamp }: { uuid: unknown; timestamp: unknown }) => {
      expect(type).toBe('task-received');
      told.push([uuid, timestamp]);
    },
  };
  const known = new Map(tasks.map((name) => [name, {}]));
  return { bench: { reserved: [], events, tasks: known } as unknown as Bench, told };
}

function take(bench: Bench, id: string): Delivery {
  const value = newMessage({ id, task: 't' });
  const delivery: Delivery = { tag: id, queue: 'q', redelivered: false, message: { ok: true, value } };
  came(bench, delivery);
  bench.reserved.push(delivery);
  return delivery;
}

test('one that is started at once is told once, with the time at which it came', () => {
  const { bench, told } = workplace();
  const delivery = take(bench, 'a');
  vi.advanceTimersByTime(200);
  bench.reserved.pop();
  tellReceived(bench, delivery);
  tellReceived(bench, delivery);
  vi.runAllTimers();
  expect(told).toEqual([['a', begin / 1000]]);
});

test('one that goes back soon is never told, and one that stays is, after a second', () => {
  const { bench, told } = workplace();
  take(bench, 'back');
  vi.advanceTimersByTime(500);
  bench.reserved.pop();
  take(bench, 'stays');
  vi.advanceTimersByTime(900);
  expect(told).toEqual([]);
  vi.advanceTimersByTime(2_000);
  expect(told).toEqual([['stays', begin / 1000 + 0.5]]);
  bench.reserved.pop();
  vi.runAllTimers();
});

test('an unknown task is not received, nor anything when events were switched off', () => {
  const { bench, told } = workplace(['other']);
  tellReceived(bench, take(bench, 'unknown'));
  const off = workplace();
  const delivery = take(off.bench, 'quiet');
  off.bench.events.tasks = false;
  tellReceived(off.bench, delivery);
  vi.runAllTimers();
  expect([...told, ...off.told]).toEqual([]);
});
