/** A real pool of threads: what blocks, crashes, fills or outlives its thread costs one job and stops nobody else. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { temporaryFolder } from '../../checks/fixtures.ts';
import { until } from '../../checks/servers.ts';
import type { Delivery } from '../broker.ts';
import { createApp, PythonText, type TasksApp, type Worker, type WorkerOptions } from '../index.ts';
import { newMessage } from '../message.ts';
import { parseJson } from '../values.ts';
import { arrived, crossed, messageOf, orderOf } from './crossing.ts';

/** What the threads load; the worker needs the same names and options, not the handlers. */
const moduleText = `
import { appendFileSync } from 'node:fs';
import { threadId } from 'node:worker_threads';
import { createApp, Ignore, Reject } from '${join(import.meta.dirname, '..', 'index.ts')}';

export const app = createApp({ broker: process.env.THREADS_BROKER, log: () => {} });
const note = (text) => appendFileSync(process.env.THREADS_NOTES, text + '\\n');
class Busy extends Error {}

app.task('add', (_context, a, b) => a + b);
app.task('thread', () => threadId);
app.task('block', (_context, ms) => {
  for (const end = Date.now() + ms; Date.now() < end; );
  return threadId;
}, { softTimeLimitSeconds: 30 });
app.task('forever', () => { note('forever'); for (;;); });
app.task('until', ({ signal }) => {
  note('until');
  while (!signal.aborted);
  throw signal.reason;
});
app.task('waits', ({ signal }) => new Promise((_, reject) => {
  note('waits');
  signal.addEventListener('abort', () => reject(signal.reason));
}));
app.task('exit', (_context, code) => process.exit(code));
app.task('exit again', () => { note('exit again'); process.exit(1); }, { requeueLost: true });
app.task('exit once', ({ retries }) => { if (retries === 0) process.exit(1); return retries; },
  { maxRetries: 1, retryBackoffSeconds: 0 });
app.task('uncaught', () => new Promise(() => setTimeout(() => { throw new TypeError('from a timer'); })));
app.task('memory', () => { const all = []; for (;;) all.push(new Array(1e5).fill({})); });
app.task('keep', () => { (globalThis.kept ??= []).push(new Array(4e6).fill(1.5)); return threadId; });
app.task('fail', () => { throw Object.assign(new Busy('busy'), { name: 'Busy', code: 'E1' }); });
app.task('throw', () => { throw { odd: true }; });
app.task('again', ({ retries }) => { if (retries < 2) throw new Busy('busy'); return retries; },
  { maxRetries: 3, retryBackoffSeconds: 0, retryFor: [Busy] });
app.task('context', ({ id, name, queue, retries, redelivered, kwargs }) => ({ id, name, queue, retries, redelivered, kwargs }));
app.task('ignore', () => { throw new Ignore('no'); });
app.task('reject', () => { throw new Reject('broken'); });
app.task('bigint', () => 2n ** 53n + 1n);
app.task('circular', () => { const all = []; all.push(all); return all; });
app.task('date', () => new Date(0));
app.task('calls', async () => (await app.send('add', [20, 22])).get());
`;

describe('what crosses', () => {
  const delivery = { tag: 't', queue: 'q', redelivered: true } as Delivery;

  test('a message comes over as it was, whatever its arguments', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), fc.dictionary(fc.string(), fc.jsonValue()), (args, kwargs) => {
        const message = newMessage({
          id: 'i',
          task: 't',
          // JSON has no -0.
          args: parseJson(JSON.stringify(args)) as [],
          kwargs: parseJson(JSON.stringify(kwargs)) as Record<string, unknown>,
        });
        const over = messageOf(structuredClone(orderOf(message, delivery)));
        expect(over).toEqual(message);
      }),
    );
  });

  test("Python's values stay what they are", () => {
    const text =
      '[{"__type__": "decimal", "__value__": "1.10"}, {"__type__": "bytes", "__value__": "ab"}, NaN]';
    const args = parseJson(text) as unknown[];
    const over = messageOf(structuredClone(orderOf(newMessage({ id: 'i', task: 't', args }), delivery)));
    expect(over.args[0]).toBeInstanceOf(PythonText);
    expect(over.args[1]).toBeInstanceOf(Uint8Array);
    expect(over.args[2]).toBeNaN();
    expect(JSON.stringify(over.args)).toBe(JSON.stringify(args));
  });

  test('an error keeps its name, message, stack and plain fields', () => {
    const error = Object.assign(new TypeError('wrong'), { name: 'Odd', code: 'E1', deep: { a: 1 } });
    const over = arrived(structuredClone(crossed({ kind: 'failure', error })));
    expect(over).toMatchObject({
      kind: 'failure',
      error: { name: 'Odd', message: 'wrong', stack: error.stack, code: 'E1' },
    });
  });
});

describe('a worker with a pool of threads', () => {
  let folder: ReturnType<typeof temporaryFolder>;
  let app: TasksApp;
  let logged: string[];
  let started: { worker: Worker; ended: Promise<void> }[];
  const file = (name: string): string => join(folder.path, name);

  beforeEach(() => {
    folder = temporaryFolder('threads');
    logged = [];
    started = [];
    process.env.THREADS_BROKER = `sqlite:${file('broker.db')}`;
    process.env.THREADS_NOTES = file('notes');
    writeFileSync(file('tasks.mts'), moduleText);
    writeFileSync(file('notes'), '');
    app = createApp({
      broker: `sqlite:${file('broker.db')}`,
      log: (level, text) => logged.push(`${level} ${text}`),
    });
  });
  afterEach(async () => {
    await Promise.all(started.map(({ worker, ended }) => worker.stop({ cold: true }).then(() => ended)));
    await app.close();
    folder.remove();
  });

  const define = (...names: string[]): void => {
    for (const name of names)
      app.task(name, () => expect.fail('ran in the thread of the worker'), {
        ...(name === 'exit again' ? { requeueLost: true } : {}),
        ...(name === 'exit once' ? { maxRetries: 1, retryBackoffSeconds: 0 } : {}),
      });
  };
  const start = (options: WorkerOptions = {}): { worker: Worker; ended: Promise<void> } => {
    const worker = app.worker({
      pool: 'threads',
      taskModule: file('tasks.mts'),
      concurrency: 1,
      ...options,
    });
    const one = { worker, ended: worker.run() };
    one.ended.catch(() => {});
    started.push(one);
    return one;
  };
  const outcome = async (name: string, args: unknown[] = []): Promise<unknown> =>
    (await app.send(name, args)).get().catch((error: unknown) => String(error));
  const notes = async (): Promise<string> => readFileSync(file('notes'), 'utf8');

  test('results, errors, retries and refusals are those of the other pool', async () => {
    define(
      'add',
      'fail',
      'throw',
      'again',
      'context',
      'ignore',
      'reject',
      'bigint',
      'circular',
      'date',
      'calls',
      'thread',
    );
    start({ concurrency: 2 });
    expect(await outcome('add', [2, 3])).toBe(5);
    expect(await outcome('thread')).toBeGreaterThan(0);
    expect(await outcome('fail')).toMatch(/ended as FAILURE: Busy: busy/);
    expect(await outcome('throw')).toMatch(/thrown: .*odd.*true/);
    expect(await outcome('again')).toBe(2);
    expect(await outcome('bigint')).toBe(2n ** 53n + 1n);
    expect(await outcome('circular')).toMatch(/ended as FAILURE: TypeError/);
    expect(await outcome('date')).toBe('1970-01-01T00:00:00.000Z');
    expect(await outcome('calls')).toBe(42);
    const sent = await app.send('context', [], { kwargs: { a: 1 } });
    expect(await sent.get()).toEqual({
      id: sent.id,
      name: 'context',
      queue: 'celery',
      retries: 0,
      redelivered: false,
      kwargs: { a: 1 },
    });
    await app.send('ignore');
    await app.send('reject');
    await until(async () => {
      const { waiting, running } = await app.depth();
      return waiting + (running ?? 0) === 0;
    }, 'both to be settled');
  });

  test('a handler that blocks its thread stops neither the others nor the worker', async () => {
    define('block', 'add', 'until');
    start({ concurrency: 2 });
    const blocked = await app.send('until', []);
    await until(async () => (await notes()).includes('until'), 'the blocked thread');
    expect(await outcome('add', [1, 1])).toBe(2);
    const again = await app.send('until', [], { timeLimit: { softSeconds: 0.2, hardSeconds: 60 } });
    // It never waits, and still sees the soft limit in its signal.
    await expect(again.get()).rejects.toThrow(/SoftTimeLimitExceeded/);
    void blocked;
  });

  test('a hard limit ends the thread, and the next job gets a new one', async () => {
    define('forever', 'thread');
    start();
    const before = await outcome('thread');
    const stuck = await app.send('forever', [], { timeLimit: { hardSeconds: 0.2 } });
    await expect(stuck.get()).rejects.toThrow(/TimeLimitExceeded/);
    const after = await outcome('thread');
    expect(after).toBeGreaterThan(Number(before));
  });

  test('a thread that ends by itself fails its job only', async () => {
    define('exit', 'uncaught', 'memory', 'add', 'exit once');
    start({ maxThreadMemoryBytes: 40_000_000 });
    expect(await outcome('exit', [3])).toMatch(/WorkerLostError: .*exit code 3/);
    expect(await outcome('uncaught')).toMatch(/WorkerLostError: .*from a timer/);
    expect(await outcome('memory')).toMatch(/WorkerLostError: .*memory/);
    expect(await outcome('exit once')).toBe(1);
    expect(await outcome('add', [1, 2])).toBe(3);
  });

  test('with requeueLost it goes back, ten times, and is then set aside', async () => {
    define('exit again', 'add');
    start({ concurrency: 2 });
    await app.send('exit again');
    await until(
      async () => {
        const { waiting, running } = await app.depth();
        return waiting + (running ?? 0) === 0;
      },
      'it to be gone',
      90_000,
    );
    expect((await notes()).split('exit again').length - 1).toBe(10);
    expect(await outcome('add', [1, 2])).toBe(3);
  });

  test('a thread is replaced after its number of jobs, and above its memory', async () => {
    define('thread', 'keep');
    const { worker, ended } = start({ maxTasksPerThread: 2 });
    const ids = [];
    for (let n = 0; n < 5; n++) ids.push(await outcome('thread'));
    expect(new Set(ids).size).toBe(3);
    await worker.stop();
    await ended;
    start({ maxThreadMemoryBytes: 60_000_000 });
    const kept = [];
    for (let n = 0; n < 4; n++) kept.push(await outcome('keep'));
    expect(new Set(kept).size).toBeGreaterThan(1);
  });

  test('an end of the grace time ends the thread, and a late-ack job goes back', async () => {
    define('forever');
    const { worker, ended } = start({ graceSeconds: 0.2 });
    await app.send('forever');
    await until(async () => (await notes()).includes('forever'), 'the job');
    await worker.stop();
    await ended;
    expect(await app.depth()).toMatchObject({ waiting: 1, running: 0 });
  });

  test('a stop does not wait for a module that takes its time, and a syntax error is told', async () => {
    define('add');
    writeFileSync(file('slow.mts'), 'await new Promise((resolve) => setTimeout(resolve, 3_600_000));');
    const { worker, ended } = start({ taskModule: file('slow.mts') });
    await worker.stop();
    await ended;
    writeFileSync(file('broken.mts'), 'export const a = ;');
    const broken = app.worker({ pool: 'threads', taskModule: file('broken.mts'), concurrency: 1 });
    await expect(broken.run()).rejects.toThrow(/taskModule is .*cannot be loaded in a thread/);
  });

  test('a module that cannot be loaded, starts a worker or lacks a task is refused', async () => {
    define('nobody');
    writeFileSync(file('broken.mts'), 'throw new TypeError("broken module")');
    writeFileSync(file('starts.mts'), `${moduleText}\nawait app.worker().run();`);
    await expect(start({ taskModule: file('broken.mts') }).ended).rejects.toThrow(/broken module/);
    await expect(start({ taskModule: file('starts.mts') }).ended).rejects.toThrow(
      /OPTION_INVALID|in a thread/,
    );
    await expect(start({ taskModule: pathToFileURL(file('tasks.mts')) }).ended).rejects.toThrow(/"nobody"/);
    started.length = 0;
    expect(() => app.worker({ pool: 'threads' })).toThrow(/taskModule/);
    expect(() => app.worker({ pool: 'thread' as 'threads' })).toThrow(/slots or threads/);
  });
});
