/** Handlers that throw and return what nobody expects: each ends as an outcome that somebody hears of, and nothing stays taken. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { celeryIn } from '../checks/celery.ts';
import { has, type RedisServer, startRedis, temporaryFolder } from '../checks/fixtures.ts';
import { until } from '../checks/servers.ts';
import { textOf } from './errors.ts';
import { type AsyncResult, createApp, type TasksApp, type Worker } from './index.ts';

const trap = (): never => {
  throw new Error('trap');
};
const thrown: Record<string, () => unknown> = {
  'a message that is a symbol': () => Object.assign(new Error(), { message: Symbol('m') }),
  'a message that throws': () => Object.defineProperty(new Error('x'), 'message', { get: trap }),
  'a name that is a number': () => Object.assign(new Error('n'), { name: 5 }),
  'a name that is a symbol': () => Object.assign(new Error('n'), { name: Symbol('q') }),
  'no name': () => Object.assign(new Error('n'), { name: '' }),
  'a stack that is a bigint': () => Object.assign(new Error('n'), { stack: 7n }),
  'an error whose traps throw': () => new Proxy(new Error('p'), { get: trap }),
  'an object whose traps throw': () => new Proxy({}, { getPrototypeOf: trap, get: trap, ownKeys: trap }),
  'an error of five million letters': () => new Error('z'.repeat(5_000_000)),
  'half a character and a NUL': () => new Error('\ud800\u0000'),
};
const returned: Record<string, () => unknown> = {
  'a function': () => trap,
  'a symbol': () => Symbol('x'),
  'what says that it has no JSON': () => ({ toJSON: () => undefined }),
  'a toJSON that throws': () => ({ toJSON: trap }),
  'a getter that throws': () => Object.defineProperty({}, 'x', { enumerable: true, get: trap }),
  'a proxy whose traps throw': () => new Proxy({}, { get: trap, ownKeys: trap }),
  'a then that throws': () => Object.defineProperty({}, 'then', { get: trap }),
  'what is too deep': () => {
    let deep: unknown = 1;
    for (let n = 0; n < 50_000; n++) deep = [deep];
    return deep;
  },
};

const apps: TasksApp[] = [];
const running: { worker: Worker; ended: Promise<void> }[] = [];
afterEach(async () => {
  for (const { worker, ended } of running.splice(0)) await worker.stop({ cold: true }).then(() => ended);
  for (const app of apps.splice(0)) await app.close();
});

function startApp(broker: string, results: string): { app: TasksApp; logged: string[] } {
  const logged: string[] = [];
  const app = createApp({ broker, results, log: (_level, text) => logged.push(text) });
  apps.push(app);
  for (const [name, make] of Object.entries(thrown))
    app.task(`throws ${name}`, () => {
      throw make();
    });
  for (const [name, make] of Object.entries(returned)) app.task(`returns ${name}`, make);
  app.task('fine', () => 'fine');
  return { app, logged };
}

const start = (app: TasksApp, events = false): void => {
  const worker = app.worker({ events, concurrency: 2 });
  running.push({ worker, ended: worker.run() });
};

test.each([false, true])('each fails, is settled, and stops nobody else; with events: %s', async (events) => {
  const { app, logged } = startApp(`memory:odd-${events}`, `memory:odd-${events}`);
  start(app, events);
  const names = [
    ...Object.keys(thrown).map((name) => `throws ${name}`),
    ...Object.keys(returned).map((name) => `returns ${name}`),
  ];
  for (const name of names) {
    const error = await (await app.send(name)).get().catch((one: unknown) => one);
    expect([name, error]).toEqual([name, expect.objectContaining({ code: 'TASK_FAILED' })]);
  }
  expect(await (await app.send('fine')).get()).toBe('fine');
  await until(async () => {
    const { waiting, running: taken } = await app.depth();
    return waiting + (taken ?? 0) === 0;
  }, 'all to be settled');
  expect(logged.filter((text) => text.includes('outcome was lost'))).toEqual([]);
  expect(Math.max(...logged.map((text) => text.length))).toBeLessThan(20_000);
});

test('a text for people is bounded', () => {
  expect(textOf(new Error('z'.repeat(1e6))).length).toBeLessThan(11_000);
  expect(textOf('short')).toBe('short');
});

describe.skipIf(!has('redisServer') || !has('python'))('beside Python', () => {
  const folder = temporaryFolder('odd');
  const { python, startWorker, stopWorker } = celeryIn(folder.path);
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
    writeFileSync(
      join(folder.path, 'probe.py'),
      `from celery import Celery
app = Celery('probe', broker='${server.url}/0', backend='${server.url}/1')
app.conf.result_extended = True
class Custom(Exception):
    def __init__(self, a, b, code=5):
        super().__init__(a, b, code)
@app.task(name='py.custom')
def custom():
    raise Custom('one', {'deep': [1]})
@app.task(name='py.from')
def raised_from():
    try:
        1 / 0
    except ZeroDivisionError as e:
        raise RuntimeError('outer') from e
@app.task(name='py.empty')
def empty():
    raise ValueError()
@app.task(name='py.lambda')
def unpickled():
    raise Custom(lambda: 1, 2)
@app.task(name='py.large')
def large():
    return 'é' * 1500000
`,
    );
  });
  afterAll(async () => {
    await stopWorker();
    await server.stop();
    folder.remove();
  });

  test('what our handlers threw and returned is read there, whatever it was', async () => {
    const { app } = startApp(`${server.url}/0`, `${server.url}/1`);
    app.task('caused', () => {
      throw new Error('outer', { cause: new TypeError('inner') });
    });
    app.task('large', () => 'é'.repeat(1_500_000));
    start(app);
    const names = [
      ...Object.keys(thrown).map((name) => `throws ${name}`),
      ...Object.keys(returned).map((name) => `returns ${name}`),
      'caused',
      'large',
    ];
    const sent: AsyncResult<unknown>[] = [];
    for (const name of names) sent.push(await app.send(name));
    for (const one of sent) await one.get().catch(() => {});
    const seen = (await python(`
out = []
for id in ${JSON.stringify(sent.map(({ id }) => id))}:
    r = app.AsyncResult(id)
    try:
        out.append(['SUCCESS', len(r.get(timeout=20)), ''])
    except Exception as e:
        assert r.state == 'FAILURE' and isinstance(r.info, Exception) and r.get(propagate=False).args == e.args
        out.append([type(e).__name__, r.date_done.microsecond % 1000, (r.traceback or '')[:5000]])
    r.forget()
    assert r.state == 'PENDING'
print(json.dumps(out))`)) as [string, number, string | null][];
    expect(seen).toHaveLength(names.length);
    const kinds = Object.fromEntries(seen.map(([kind], n) => [names[n], kind]));
    expect(kinds).toMatchObject({
      'throws a name that is a number': '5',
      'throws no name': 'Error',
      'returns a function': 'TypeError',
      'returns a symbol': 'TypeError',
      caused: 'Error',
      large: 'SUCCESS',
    });
    // Celery 5.2 would take three digits of a second for microseconds.
    expect(seen.slice(0, -1).map(([, rest]) => rest)).toEqual(seen.slice(0, -1).map(() => 0));
    expect(seen.at(-2)?.[2]).toMatch(/Error: outer[\s\S]*Caused by: TypeError: inner/);
    expect(seen.at(-1)?.[1]).toBe(1_500_000);
  });

  test('what Python raised and returned is read here, with all that it was told', async () => {
    const app = createApp({ broker: `${server.url}/0`, results: `${server.url}/1`, log: () => {} });
    apps.push(app);
    await startWorker();
    const outcome = async (name: string): Promise<Error> =>
      (await app.send(name)).get().then(trap, (error: unknown) => error as Error);
    expect((await outcome('py.custom')).message).toContain('Custom: one, {"deep":[1]}, 5.');
    const caused = await outcome('py.from');
    expect(caused.message).toContain('RuntimeError: outer.');
    expect(caused.cause).toMatch(/ZeroDivisionError[\s\S]*direct cause[\s\S]*RuntimeError: outer/);
    expect((await outcome('py.empty')).message).toContain('FAILURE: ValueError.');
    expect((await outcome('py.lambda')).message).toContain('Custom: ');
    expect(await (await app.send('py.large')).get()).toHaveLength(1_500_000);
  });
});
