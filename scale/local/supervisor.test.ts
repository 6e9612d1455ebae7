/** What the supervisor decides, moment by moment on a virtual clock; real processes are in ../local.test.ts. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { defaultTimings, type Habitat } from './life.ts';
import type { Order } from './protocol.ts';
import { type Supervisor, supervise } from './supervisor.ts';

const orders: string[] = [];
const lines: string[] = [];
let ready: Promise<void>;
let accepts: (port: number) => Promise<boolean>;

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000 });
  orders.length = 0;
  lines.length = 0;
  ready = Promise.resolve();
  accepts = async () => false;
});
afterEach(() => vi.useRealTimers());

function open(): Supervisor {
  const habitat: Omit<Habitat, 'gone'> = {
    timings: defaultTimings,
    now: Date.now,
    log: (name, text) => void lines.push(`${name} | ${text}`),
    ready: () => ready,
    send: (order: Order) => {
      if (order.do === 'start' || order.do === 'stop') orders.push(`${order.do} ${order.name}`);
    },
    order: (type, index) => ({
      do: 'start',
      name: `${type}.${index}`,
      shell: '',
      folder: '',
      env: {},
      ipc: true,
    }),
    port: (type, index) => (type === 'web' ? 4_999 + index : undefined),
    accepts: (port) => accepts(port),
  };
  return supervise(['web', 'worker'], habitat);
}

const looks = (supervisor: Supervisor, type: string): string =>
  (supervisor.formation()[type] ?? []).map(({ name, state }) => `${name} ${state}`).join(', ');
const passes = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

test('the pause after a crash doubles up to half a minute, and begins anew after ten seconds of life', async () => {
  const supervisor = open();
  supervisor.scaleTo({ worker: 1 });
  const pauses: number[] = [];
  const crash = async (): Promise<void> => {
    supervisor.hear({ is: 'ended', name: 'worker.1', code: 1, signal: null });
    const begun = Date.now();
    const before = orders.length;
    while (orders.length === before) await passes(100);
    pauses.push((Date.now() - begun) / 1_000);
  };
  await passes(0);
  for (let i = 0; i < 9; i++) await crash();
  expect(pauses).toEqual([0.5, 1, 2, 4, 8, 16, 30, 30, 30]);
  await passes(10_000);
  await crash();
  expect(pauses.at(-1)).toBe(0.5);
});

test('a crashed one that must go is not started again', async () => {
  const supervisor = open();
  supervisor.scaleTo({ worker: 2 });
  await passes(0);
  supervisor.hear({ is: 'report', name: 'worker.2', running: 0, slots: 1 });
  supervisor.hear({ is: 'ended', name: 'worker.1', code: 1, signal: null });
  supervisor.scaleTo({ worker: 1 });
  expect(looks(supervisor, 'worker')).toBe('worker.2 up');
  await passes(60_000);
  expect(orders).toEqual(['start worker.1', 'start worker.2']);
});

test('the highest index of those that do no work yet goes, not one that works', async () => {
  const supervisor = open();
  supervisor.scaleTo({ worker: 3 });
  await passes(0);
  supervisor.hear({ is: 'report', name: 'worker.1', running: 0, slots: 1 });
  supervisor.hear({ is: 'report', name: 'worker.3', running: 2, slots: 2 });
  supervisor.scaleTo({ worker: 2 });
  expect(looks(supervisor, 'worker')).toBe('worker.1 up, worker.2 stopping, worker.3 up');
  supervisor.scaleTo({ worker: 1 });
  expect(looks(supervisor, 'worker')).toBe('worker.1 stopping, worker.2 stopping, worker.3 up');
});

test('one that must go while its port is being looked at is never started', async () => {
  let answer: (yes: boolean) => void = () => {};
  accepts = () => new Promise((resolve) => (answer = resolve));
  const supervisor = open();
  supervisor.scaleTo({ web: 1 });
  await passes(0);
  supervisor.scaleTo({ web: 0 });
  expect(looks(supervisor, 'web')).toBe('');
  answer(false);
  await passes(60_000);
  expect(orders).toEqual([]);
});

test('a keeper that dies while a port is being looked at is waited for', async () => {
  let answer: (yes: boolean) => void = () => {};
  let hired: () => void = () => {};
  accepts = () => new Promise((resolve) => (answer = resolve));
  const supervisor = open();
  supervisor.scaleTo({ web: 1 });
  await passes(0);
  supervisor.lose();
  ready = new Promise((resolve) => (hired = resolve));
  answer(false);
  await passes(60_000);
  expect(orders).toEqual([]);
  supervisor.clear();
  hired();
  await passes(0);
  expect(orders).toEqual(['start web.1']);
});

test('what is heard of a process that was lost is about the one before', async () => {
  const supervisor = open();
  supervisor.scaleTo({ worker: 1 });
  await passes(0);
  supervisor.lose();
  supervisor.hear({ is: 'report', name: 'worker.1', running: 1, slots: 1 });
  supervisor.hear({ is: 'ended', name: 'worker.1', code: 0, signal: null });
  expect(looks(supervisor, 'worker')).toBe('worker.1 crashed');
  supervisor.clear();
  await passes(0);
  expect(orders).toEqual(['start worker.1', 'start worker.1']);
});

test('one left by an earlier controller gives its name to the next of its type, and goes when nobody asks', async () => {
  const supervisor = open();
  supervisor.inherit(['worker.2', 'worker.5']);
  supervisor.scaleTo({ worker: 1 });
  expect(looks(supervisor, 'worker')).toBe('worker.2 starting, worker.5 stopping');
  expect(orders).toEqual([]);
  supervisor.clear();
  await passes(0);
  expect(looks(supervisor, 'worker')).toBe('worker.2 starting');
  expect(orders).toEqual(['start worker.2']);
});

test('a boot that was looked at before a crash does not make the next one up', async () => {
  const supervisor = open();
  supervisor.scaleTo({ worker: 1 });
  await passes(9_000);
  supervisor.hear({ is: 'ended', name: 'worker.1', code: 1, signal: null });
  await passes(2_000);
  expect(looks(supervisor, 'worker')).toBe('worker.1 starting');
  await passes(9_000);
  expect(looks(supervisor, 'worker')).toBe('worker.1 up');
});

test('one that was up and is killed again and again waits four seconds at most', async () => {
  const supervisor = open();
  supervisor.scaleTo({ worker: 1 });
  await passes(0);
  const pauses: number[] = [];
  for (let i = 0; i < 6; i++) {
    supervisor.hear({ is: 'report', name: 'worker.1', running: 1, slots: 1 });
    supervisor.hear({ is: 'ended', name: 'worker.1', code: null, signal: 'SIGKILL' });
    const begun = Date.now();
    const before = orders.length;
    while (orders.length === before) await passes(100);
    pauses.push((Date.now() - begun) / 1_000);
  }
  expect(pauses).toEqual([0.5, 1, 2, 4, 4, 4]);
});
