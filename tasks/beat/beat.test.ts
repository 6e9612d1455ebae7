/** The beat on a clock that only the test moves, and on every place that keeps its state. */
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { freshDatabase, has, startRabbit, startRedis, temporaryFolder } from '../../checks/fixtures.ts';
import { until } from '../../checks/servers.ts';
import { virtualClock } from '../../checks/stage.ts';
import type { Broker } from '../broker.ts';
import { openMemoryBroker } from '../brokers/memory.ts';
import { openRedisBroker } from '../brokers/redis.ts';
import { openSqliteBroker } from '../brokers/sqlite.ts';
import { createApp, type TasksApp } from '../index.ts';
import { newMessage, type TaskMessage } from '../message.ts';
import { openPostgresqlBeats } from '../postgresql/beat.ts';
import { type Beat, type BeatOptions, createBeat } from './beat.ts';
import { type EntryOptions, mostMissedCount } from './entry.ts';
import { storeBeside } from './place.ts';
import { crontab, every, solar } from './schedule.ts';
import { type BeatStore, createMemoryBeatStore } from './store.ts';

const second = 1_000;
const minute = 60_000;

/** A stage with one store, a clock, and as many beats as a test wants. */
function createStage() {
  const steady = virtualClock(Date.UTC(2026, 0, 1));
  let behindMs = 0;
  const clock = { ...steady, now: () => steady.now() - behindMs };
  const sent: { entry: string; at: number; id: string }[] = [];
  const lines: string[] = [];
  const shared = { failure: undefined as Error | undefined };
  const inner = createMemoryBeatStore(async (_queue, messages) => {
    for (const message of messages)
      sent.push({ entry: String(message.args[0]), at: Number(message.args[1]), id: message.id });
  }, steady.now);
  const guarded = <Args extends unknown[], T>(work: (...args: Args) => Promise<T>) => {
    return async (...args: Args): Promise<T> => {
      if (shared.failure) throw shared.failure;
      return work(...args);
    };
  };
  const store: BeatStore = {
    lease: guarded(inner.lease),
    release: guarded(inner.release),
    read: guarded(inner.read),
    swap: guarded(inner.swap),
  };
  const beats: { beat: Beat; ended: Promise<void> }[] = [];
  const make = (options: BeatOptions, own: BeatStore = store): Beat =>
    createBeat({
      options: { ...options, clock },
      store: async () => own,
      log: (level, text) => void lines.push(`${level}: ${text}`),
      compose: (name, fields, id) => {
        const at = clock.now();
        return { queue: 'q', message: newMessage({ id, task: fields.task, args: [name, at] }) };
      },
    });
  const settle = async (): Promise<void> => {
    for (let turns = 0; turns < 30; turns++) await turn();
  };
  const stage = {
    clock,
    /** What the beats' machine believes; timers and the store's lease go on as before. */
    putBack: (ms: number) => {
      behindMs += ms;
    },
    sent,
    lines,
    shared,
    store,
    make,
    settle,
    start: async (options: BeatOptions, own?: BeatStore): Promise<Beat> => {
      const beat = make(options, own);
      beats.push({ beat, ended: beat.run() });
      await settle();
      return beat;
    },
    /** In steps, because what a beat does between two timers needs turns of the event loop. */
    pass: async (ms: number, stepMs = second): Promise<void> => {
      for (let passed = 0; passed < ms; passed += stepMs) {
        clock.advance(Math.min(stepMs, ms - passed));
        await settle();
      }
    },
    times: (entry: string) =>
      sent.filter((one) => one.entry === entry).map(({ at }) => at - Date.UTC(2026, 0, 1)),
    end: async () => {
      for (const { beat, ended } of beats) {
        await beat.stop();
        await ended.catch(() => {});
      }
    },
  };
  return stage;
}

const entry = (schedule: EntryOptions['schedule'], more: Partial<EntryOptions> = {}): EntryOptions => ({
  task: 'work',
  schedule,
  ...more,
});

describe('on a virtual clock', () => {
  let stage: ReturnType<typeof createStage>;
  beforeEach(() => {
    stage = createStage();
  });
  afterEach(() => stage.end());

  test('sends at each slot, once, and counts', async () => {
    const beat = await stage.start({
      schedule: { fast: entry(10), quarter: entry(crontab({ minute: '*/15' })), off: entry(every(7_200)) },
    });
    await stage.pass(31 * minute);
    expect(stage.times('fast')).toEqual(Array.from({ length: 186 }, (_, index) => (index + 1) * 10 * second));
    expect(stage.times('quarter')).toEqual([15 * minute, 30 * minute]);
    expect(new Set(stage.sent.map(({ id }) => id)).size).toBe(stage.sent.length);
    const entries = await beat.entries.list();
    expect(entries.map(({ name, totalRuns }) => [name, totalRuns])).toEqual([
      ['fast', 186],
      ['off', 0],
      ['quarter', 2],
    ]);
    expect(entries[2]?.nextRunMs).toBe(Date.UTC(2026, 0, 1, 0, 45));
    expect(entries[1]).toMatchObject({ lastRunMs: undefined, origin: 'code', paused: false });
  });

  test('an interval does not drift by what a run takes', async () => {
    await stage.start({ schedule: { odd: entry(every(7)) } });
    await stage.pass(70 * second, 300);
    expect(stage.times('odd')).toHaveLength(10);
    expect(Math.max(...stage.times('odd').map((at, index) => at - (index + 1) * 7 * second))).toBeLessThan(
      300,
    );
  });

  test('one leads and the other stands by, and takes over when the first says goodbye', async () => {
    const first = await stage.start({ schedule: { fast: entry(10) }, process: 'a' });
    await stage.start({ schedule: { fast: entry(10) }, process: 'b' });
    expect(stage.lines.filter((line) => /leads/.test(line))).toEqual([
      expect.stringMatching(/^info: this beat leads: a\//),
      expect.stringMatching(/^info: standing by: the beat a\/\w+ leads/),
    ]);
    await stage.pass(35 * second);
    await first.stop();
    await stage.pass(35 * second);
    expect(stage.times('fast')).toEqual([10, 20, 30, 40, 50, 60, 70].map((at) => at * second));
    expect(stage.lines.at(-1)).toMatch(/sent work/);
  });

  test('a leader that was held up for longer than its lease sends nothing that the next one has sent', async () => {
    let release: () => void = () => {};
    let held: Promise<void> | undefined;
    const slow: BeatStore = {
      ...stage.store,
      swap: async (change) => {
        await held;
        return stage.store.swap(change);
      },
    };
    await stage.start({ schedule: { fast: entry(10) }, process: 'slow' }, slow);
    await stage.start({ schedule: { fast: entry(10) }, process: 'b' });
    held = new Promise((resolve) => {
      release = resolve;
    });
    await stage.pass(60 * second);
    const bySecond = stage.times('fast').length;
    expect(bySecond).toBeGreaterThan(2);
    release();
    held = undefined;
    await stage.pass(20 * second);
    expect(stage.lines).toContainEqual(expect.stringMatching(/held up for longer than its lease/));
    const ids = stage.sent.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    // Those of the 25 seconds without a leader came as one.
    expect(stage.times('fast').slice(-2)).toEqual([70 * second, 80 * second]);
  });

  test('missed runs: once, not at all, or each of them', async () => {
    const schedule = {
      once: entry(60, { missed: 'once' }),
      skip: entry(crontab({ minute: 0 }), { missed: 'skip' }),
      late: entry(crontab({ minute: 0 }), { missed: 'skip', missedAfterSeconds: 3_600 }),
      all: entry(60, { missed: 'all' }),
    } as const;
    const first = await stage.start({ schedule });
    await stage.pass(61 * second);
    await first.stop();
    stage.sent.length = 0;
    stage.clock.advance(90 * minute);
    await stage.start({ schedule });
    const backAt = 91 * minute + second;
    expect(stage.times('once')).toEqual([backAt]);
    expect(stage.times('skip')).toEqual([]);
    expect(stage.times('late')).toEqual([backAt]);
    expect(stage.times('all')).toHaveLength(90);
    expect(stage.lines).toContainEqual(
      expect.stringMatching(/"skip" has missed its run of 2026-01-01T01:00/),
    );
    await stage.pass(30 * minute);
    expect(stage.times('skip')).toEqual([120 * minute]);
    // Its slots stay where they were.
    expect(stage.times('once').slice(1, 3)).toEqual([92 * minute, 93 * minute]);
    await stage.end();
    stage.sent.length = 0;
    stage.clock.advance(24 * 60 * minute);
    await stage.start({ schedule });
    expect(stage.times('all')).toHaveLength(mostMissedCount);
  });

  test('a clock that is put back sends nothing twice, says so, and goes on when it has caught up', async () => {
    const schedule = { fast: entry(10), quarter: entry(crontab({ minute: '*/15' })) };
    await stage.start({ schedule });
    await stage.pass(20 * minute);
    stage.putBack(10 * minute);
    const before = stage.sent.length;
    await stage.pass(9 * minute);
    expect(stage.sent.length).toBe(before);
    const said = stage.lines.filter((line) => line.includes('has yet to reach'));
    expect(said.map((line) => line.slice(0, 60))).toEqual([
      'warn: entry "fast" was run up to 2026-01-01T00:20:00.000Z, w',
      'warn: entry "quarter" was run up to 2026-01-01T00:15:00.000Z',
    ]);
    await stage.pass(11 * minute);
    expect(new Set(stage.sent.map(({ id }) => id)).size).toBe(stage.sent.length);
    expect(stage.sent.length).toBe(before + 60 + 1);
  });

  test('an entry that a wrong clock has run far ahead begins anew when a person says so', async () => {
    stage.putBack(-365 * 24 * 60 * minute);
    const beat = await stage.start({ schedule: { fast: entry(10) } });
    await stage.pass(minute);
    stage.putBack(365 * 24 * 60 * minute);
    await stage.pass(minute);
    const before = stage.sent.length;
    await stage.pass(minute);
    expect(stage.sent.length).toBe(before);
    await beat.entries.pause('fast');
    await beat.entries.resume('fast');
    await stage.pass(minute);
    expect(stage.sent.length).toBeGreaterThanOrEqual(before + 5);
  });

  test('an outage is waited for, said once, and made up for', async () => {
    await stage.start({ schedule: { fast: entry(10) } });
    await stage.pass(15 * second);
    const { TasksError } = await import('../errors.ts');
    stage.shared.failure = new TasksError('BROKER_UNREACHABLE', 'Gone', 'for a test', 'Wait');
    await stage.pass(40 * second);
    stage.shared.failure = undefined;
    await stage.pass(20 * second);
    expect(stage.lines.filter((line) => /^warn/.test(line))).toEqual([
      'warn: Gone: for a test. Wait. The beat keeps trying.',
    ]);
    expect(stage.lines).toContain('info: the broker answers again');
    expect(stage.times('fast').length).toBeGreaterThanOrEqual(3);
    expect(stage.times('fast').at(-1)).toBe(70 * second);
  });

  test('entries change at run time, from a program that runs no beat', async () => {
    await stage.start({ schedule: { fast: entry(10) } });
    const { entries } = stage.make({});
    await entries.add('more', entry(5));
    await stage.pass(21 * second);
    expect(stage.times('more')).toEqual([5, 10, 15, 20].map((at) => at * second));
    await entries.pause('more');
    await entries.change('fast', { schedule: every(4) });
    await stage.pass(12 * second);
    expect(stage.times('more')).toHaveLength(4);
    expect(stage.times('fast').slice(2)).toEqual([25, 29, 33].map((at) => at * second));
    await entries.resume('more');
    await entries.remove('fast');
    await stage.pass(10 * second);
    expect(stage.times('more').slice(4)).toEqual([38, 43].map((at) => at * second));
    expect(stage.times('fast')).toHaveLength(5);
    expect((await entries.list()).map(({ name, origin }) => [name, origin])).toEqual([['more', 'added']]);
    await entries.remove('more');
    expect(await entries.list()).toEqual([]);
  });

  test('a change at run time outlives a restart, until the code of the entry changes', async () => {
    const first = await stage.start({ schedule: { fast: entry(10), gone: entry(10) } });
    await first.entries.change('fast', { args: ['changed'] });
    await first.entries.remove('gone');
    await first.stop();
    const second = await stage.start({ schedule: { fast: entry(10), gone: entry(10) } });
    expect((await second.entries.list()).map(({ name, args }) => [name, args])).toEqual([
      ['fast', ['changed']],
    ]);
    await second.stop();
    const third = await stage.start({ schedule: { fast: entry(20), gone: entry(30) } });
    expect((await third.entries.list()).map(({ name, args }) => [name, args])).toEqual([
      ['fast', []],
      ['gone', []],
    ]);
    await third.entries.add('added', entry(10));
    await third.stop();
    const fourth = await stage.start({ schedule: { gone: entry(30) } });
    expect((await fourth.entries.list()).map(({ name }) => name)).toEqual(['added', 'gone']);
  });

  test('a new schedule has missed nothing', async () => {
    const daily = (hour: number) => ({ daily: entry(crontab({ minute: 0, hour })) });
    const first = await stage.start({ schedule: daily(3) });
    await stage.pass(5 * 60 * minute, minute);
    await first.stop();
    expect(stage.times('daily')).toEqual([3 * 60 * minute]);
    await stage.start({ schedule: daily(4) });
    await stage.pass(60 * minute, minute);
    expect(stage.times('daily')).toHaveLength(1);
  });

  test('what cannot be sent costs its own run only', async () => {
    const beat = createBeat({
      options: { schedule: { bad: entry(10), good: entry(10) }, clock: stage.clock },
      store: async () => stage.store,
      log: (level, text) => void stage.lines.push(`${level}: ${text}`),
      compose: (name, fields, id) => {
        if (name === 'bad') throw new RangeError('no such option');
        return {
          queue: 'q',
          message: newMessage({ id, task: fields.task, args: [name, stage.clock.now()] }),
        };
      },
    });
    const ended = beat.run();
    await stage.settle();
    await stage.pass(20 * second);
    await beat.stop();
    await ended;
    expect(stage.times('good')).toHaveLength(2);
    expect(stage.lines.filter((line) => line.startsWith('error'))).toEqual(
      Array(2).fill('error: entry "bad" cannot be sent: no such option'),
    );
  });

  test('refuses what cannot be an entry, a name or a lease', async () => {
    const make = (options: BeatOptions) => () => stage.make(options);
    expect(make({ schedule: { a: entry(0) } })).toThrow('a number from 0.1');
    expect(make({ schedule: { a: { ...entry(1), task: '' } } })).toThrow('the task of entry "a"');
    expect(make({ schedule: { a: entry(1, { missed: 'twice' as 'once' }) } })).toThrow('once, skip, all');
    expect(make({ schedule: { a: entry(1, { args: [1n] }) } })).toThrow('what JSON can hold');
    expect(make({ name: 'a b' })).toThrow('the name of a beat');
    expect(make({ leaseSeconds: 0 })).toThrow('leaseSeconds is 0');
    const { entries } = stage.make({});
    await entries.add('nightly', entry(1));
    await expect(entries.pause('nightlly')).rejects.toThrow('There is no entry "nightlly": it has nightly');
    await expect(entries.add('nightly', entry(1))).rejects.toThrow('There is an entry "nightly" already');
    await expect(entries.change('nightly', { schedule: 0 })).rejects.toThrow('a number from 0.1');
  });
});

/** Places that keep a beat's state, each with a way to see what was sent. */
const places = [
  {
    name: 'memory',
    here: true,
    open: async () => {
      const name = `beat-${crypto.randomUUID()}`;
      const brokers = [await openMemoryBroker(name), await openMemoryBroker(name)] as const;
      return opened(brokers, async () => {});
    },
  },
  {
    name: 'redis',
    here: has('redisServer'),
    open: async () => {
      const server = await startRedis();
      const brokers = [
        await openRedisBroker(server.url, { keyPrefix: 'app:' }),
        await openRedisBroker(server.url, { keyPrefix: 'app:' }),
      ] as const;
      return opened(brokers, () => server.stop());
    },
  },
  {
    name: 'sqlite',
    here: true,
    open: async () => {
      const folder = temporaryFolder('beat');
      const path = join(folder.path, 'broker.db');
      const brokers = [await openSqliteBroker(path), await openSqliteBroker(path)] as const;
      return opened(brokers, async () => folder.remove());
    },
  },
  { name: 'postgresql', here: has('postgresUrl'), open: openedBeside },
];

/** State in one place, messages in another. */
async function openedBeside() {
  const { url, drop } = await freshDatabase();
  const databases = [await openPostgresqlBeats(url), await openPostgresqlBeats(url)] as const;
  const broker = await openMemoryBroker(`beat-${crypto.randomUUID()}`);
  const [store, other] = databases.map((one) => storeBeside(one.beat('beat'), broker.publish));
  if (!store || !other) throw new Error('no store');
  return {
    store,
    other,
    sentCount: async () => (await broker.depth?.('q'))?.waiting ?? -1,
    close: async () => {
      for (const one of databases) await one.close();
      await broker.close();
      await drop();
    },
  };
}

function opened(brokers: readonly [Broker, Broker], end: () => Promise<void>) {
  const [store, other] = brokers.map((broker) => broker.beat?.('beat'));
  if (!store || !other) throw new Error('the broker keeps no beat');
  return {
    store,
    other,
    sentCount: async () => (await brokers[0].depth?.('q'))?.waiting ?? -1,
    close: async () => {
      for (const broker of brokers) await broker.close();
      await end();
    },
  };
}

describe.each(places)('state in $name', ({ here, open }) => {
  const message = (): TaskMessage =>
    newMessage({ id: crypto.randomUUID(), task: 't', publishedAtMs: Date.now() });
  const skip = !here;

  test.skipIf(skip)('a record changes from what it was, or not at all', async () => {
    const { store, other, close } = await open();
    expect(await store.read()).toEqual(new Map());
    expect(await store.swap({ name: 'a', from: undefined, to: '1' })).toBe('done');
    expect(await other.swap({ name: 'a', from: undefined, to: '2' })).toBe('changed');
    expect(await other.swap({ name: 'a', from: '1', to: '2' })).toBe('done');
    expect(await store.swap({ name: 'b', from: 'x', to: 'y' })).toBe('changed');
    expect(await other.read()).toEqual(new Map([['a', '2']]));
    expect(await store.swap({ name: 'a', from: '2', to: undefined })).toBe('done');
    expect(await other.read()).toEqual(new Map());
    await close();
  });

  test.skipIf(skip)('one of many holds the lease, and a token that is old does nothing', async () => {
    const { store, other, sentCount, close } = await open();
    const leases = await Promise.all(
      ['a', 'b', 'c', 'd'].map((who, index) => (index % 2 ? other : store).lease(who, 60_000)),
    );
    const [held, ...more] = leases.filter((lease) => lease.held);
    expect(more).toEqual([]);
    const token = held?.held ? held.token : -1;
    const winner = ['a', 'b', 'c', 'd'][leases.findIndex((lease) => lease.held)] ?? '';
    expect(await other.lease(winner, 60_000)).toEqual({ held: true, token });
    expect(await store.lease('e', 60_000)).toEqual({ held: false, by: winner });
    const send = { queue: 'q', messages: [message()] };
    expect(await other.swap({ name: 'a', from: undefined, to: '1', token, send })).toBe('done');
    await store.release('e');
    await store.release(winner);
    expect(await other.swap({ name: 'a', from: '1', to: '2', token, send })).toBe('fenced');
    const next = await other.lease('e', 60_000);
    expect(next).toEqual({ held: true, token: token + 1 });
    expect(await store.swap({ name: 'a', from: '1', to: '2', token, send })).toBe('fenced');
    expect(await sentCount()).toBe(1);
    await close();
  });

  test.skipIf(skip)('a lease ends by itself', async () => {
    const { store, other, close } = await open();
    await store.lease('a', 50);
    await until(async () => (await other.lease('b', 60_000)).held, 'the end of the lease');
    expect(await store.lease('a', 60_000)).toMatchObject({ held: false, by: 'b' });
    await close();
  });

  test.skipIf(skip)('what is sent many times at once is sent once', async () => {
    const { store, other, sentCount, close } = await open();
    const lease = await store.lease('a', 60_000);
    const token = lease.held ? lease.token : -1;
    const send = { queue: 'q', messages: [message(), message()] };
    await store.swap({ name: 'a', from: undefined, to: '0' });
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        (index % 2 ? other : store).swap({ name: 'a', from: '0', to: '1', token, send }),
      ),
    );
    expect(results.filter((result) => result === 'done')).toHaveLength(1);
    expect(await sentCount()).toBe(2);
    await close();
  });
});

describe('state beside the broker', () => {
  test('a send that fails is unclaimed', async () => {
    const inner = createMemoryBeatStore(async () => {});
    let failing = true;
    let sent = 0;
    const store = storeBeside(inner, async () => {
      if (failing) throw new RangeError('down');
      sent++;
    });
    const change = { name: 'a', from: undefined, to: '1', send: { queue: 'q', messages: [] } };
    await expect(store.swap(change)).rejects.toThrow('down');
    expect(await inner.read()).toEqual(new Map());
    failing = false;
    expect(await store.swap(change)).toBe('done');
    expect(await store.swap(change)).toBe('changed');
    expect(sent).toBe(1);
  });

  test.skipIf(!has('rabbitmq'))('RabbitMQ sends what a file keeps', async () => {
    const folder = temporaryFolder('beat');
    const server = await startRabbit();
    const app = createApp({ broker: server.url, log: () => {} });
    await expect(app.beat().entries.list()).rejects.toThrow('Give beat({ state:');
    const beat = app.beat({ state: `sqlite:${join(folder.path, 'beat.db')}`, schedule: { a: entry(0.2) } });
    const ended = beat.run();
    await until(async () => (await app.depth()).waiting >= 2, 'two messages');
    await beat.stop();
    await ended;
    const [shown] = await beat.entries.list();
    expect((await app.depth()).waiting).toBe(shown?.totalRuns);
    await app.close();
    await server.stop();
    folder.remove();
  });
});

describe.skipIf(!has('redisServer'))('of an app, on Redis', () => {
  let app: TasksApp;
  let url: string;
  let stop: () => Promise<void>;

  beforeEach(async () => {
    const server = await startRedis();
    url = server.url;
    app = createApp({ broker: url, log: () => {} });
    stop = async () => {
      await app.close();
      await server.stop();
    };
  });
  afterEach(() => stop());

  test('a run has the options of its task, its entry, and the name of the entry', async () => {
    const report = app.task('report', (_context, kind: string) => kind, {
      queue: 'reports',
      ignoreResult: true,
    });
    const beat = app.beat({
      schedule: {
        nightly: {
          task: report,
          schedule: 0.2,
          args: ['full'],
          kwargs: { deep: true },
          options: { expires: 3_600, priority: 3 },
        },
        sun: { task: 'sky', schedule: solar('sunrise', 52.5, 13.4) },
      },
    });
    const ended = beat.run();
    await until(async () => (await app.depth('reports')).waiting > 0, 'a run');
    await beat.stop();
    await ended;
    const redis = new Redis(url);
    const [text = '{}'] = await redis.lrange('reports\x06\x163', -1, -1);
    redis.disconnect();
    const { headers, body } = JSON.parse(text) as { headers: Record<string, unknown>; body: string };
    expect(headers).toMatchObject({ task: 'report', periodic_task_name: 'nightly', ignore_result: true });
    expect(Date.parse(String(headers.expires))).toBeGreaterThan(Date.now() + 3_000_000);
    expect(JSON.parse(Buffer.from(body, 'base64').toString()).slice(0, 2)).toEqual([
      ['full'],
      { deep: true },
    ]);
    const entries = await beat.entries.list();
    expect(entries.map(({ name, nextRunMs }) => [name, nextRunMs !== undefined])).toEqual([
      ['nightly', true],
      ['sun', true],
    ]);
  });
});
