/** How many jobs a worker holds by Celery's rule, in its arithmetic and on the real brokers as they see it. */
import amqp from 'amqplib';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { has, type RabbitServer, startRabbit, startRedis } from '../checks/fixtures.ts';
import { until } from '../checks/servers.ts';
import { createApp, type TasksApp, type Worker, type WorkerOptions } from './index.ts';
import { type Hold, keptOf, prefetchCount, roomIn } from './reserve.ts';

const nothing: Hold = { slots: 4, running: 0, acknowledged: 0, finishing: 0, reserved: 0, ahead: 0 };

describe('the arithmetic', () => {
  test.each([
    [1, 4, 4],
    [4, 4, 16],
    [0, 4, 1_004],
    [4, 1_000, 2_000],
    [undefined, 4, undefined],
  ])('multiplier %s with %s slots: %s', (multiplier, slots, count) => {
    expect(prefetchCount({ most: 1_000, multiplier }, slots)).toBe(count);
  });

  test('with 1 and late ack it holds none beyond those that run; with early ack as many again', () => {
    const one = { most: 1_000, multiplier: 1 };
    expect(roomIn(nothing, one)).toBe(4);
    expect(roomIn({ ...nothing, running: 3 }, one)).toBe(1);
    expect(roomIn({ ...nothing, running: 4 }, one)).toBe(0);
    expect(roomIn({ ...nothing, running: 3, finishing: 1 }, one)).toBe(0);
    expect(roomIn({ ...nothing, running: 4, acknowledged: 4 }, one)).toBe(4);
  });

  test('whatever starts, ends, grows and shrinks, what is not acknowledged stays within the count', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('take'), came: fc.nat(50) }),
      fc.record({ kind: fc.constantFrom('start', 'through', 'settled', 'upkeep'), early: fc.boolean() }),
      fc.record({ kind: fc.constant('resize'), slots: fc.integer({ min: 1, max: 20 }) }),
    );
    fc.assert(
      fc.property(fc.nat(5), fc.array(step, { maxLength: 200 }), (multiplier, steps) => {
        const prefetch = { most: 30, multiplier };
        const hold = { ...nothing };
        const open = (): number => hold.running - hold.acknowledged + hold.finishing + hold.reserved;
        for (const one of steps) {
          const before = open();
          if ('came' in one) hold.reserved += Math.min(one.came, roomIn(hold, prefetch));
          else if ('slots' in one) hold.slots = one.slots;
          else if (one.kind === 'start' && hold.reserved > 0 && hold.running < hold.slots) {
            hold.reserved--;
            hold.running++;
            if (one.early) hold.acknowledged++;
          } else if (one.kind === 'through' && hold.running > 0) {
            hold.running--;
            if (hold.acknowledged > 0 && (one.early || hold.running < hold.acknowledged)) hold.acknowledged--;
            else hold.finishing++;
          } else if (one.kind === 'settled' && hold.finishing > 0) hold.finishing--;
          else if (one.kind === 'upkeep') hold.reserved = Math.min(hold.reserved, keptOf(hold, prefetch));
          const count = prefetchCount(prefetch, hold.slots) ?? 0;
          // Only slots that went can leave it above, and then it takes no more.
          if ('came' in one) expect(open()).toBeLessThanOrEqual(Math.max(before, count));
          if (open() >= count) expect(roomIn(hold, prefetch)).toBe(0);
          // And nobody is idle for want of asking.
          if (hold.running + hold.reserved < hold.slots && open() < count)
            expect(roomIn(hold, prefetch)).toBeGreaterThan(0);
        }
      }),
    );
  });
});

interface Place {
  readonly broker: string;
  /** Messages that a worker has and has not acknowledged, as the broker counts them. */
  unacknowledged(sent: number): Promise<number>;
  stop(): Promise<void>;
}

async function redisPlace(): Promise<Place> {
  const server = await startRedis();
  const redis = new Redis(server.url);
  return {
    broker: `${server.url}/0`,
    unacknowledged: () => redis.hlen('unacked'),
    stop: async () => {
      redis.disconnect();
      await server.stop();
    },
  };
}

async function rabbitPlace(): Promise<Place> {
  const server: RabbitServer = await startRabbit();
  const connection = await amqp.connect(server.url);
  const channel = await connection.createChannel();
  return {
    broker: server.url,
    unacknowledged: async (sent) => sent - (await channel.checkQueue('celery')).messageCount,
    stop: async () => {
      await connection.close();
      await server.stop();
    },
  };
}

const places = [
  { name: 'Redis', here: has('redisServer'), make: redisPlace },
  { name: 'RabbitMQ', here: has('rabbitmq'), make: rabbitPlace },
];

describe.each(places)('a worker on $name', ({ here, make }) => {
  let place: Place;
  let app: TasksApp | undefined;
  let running: { worker: Worker; ended: Promise<void> } | undefined;
  const release: (() => void)[] = [];
  beforeAll(async () => {
    if (here) place = await make();
  }, 90_000);
  afterAll(() => place?.stop());
  afterEach(async () => {
    for (const one of release.splice(0)) one();
    await running?.worker.stop({ cold: true });
    await running?.ended;
    await app?.purge();
    await app?.close();
  });
  const start = (options: WorkerOptions, ackLate = true): TasksApp => {
    app = createApp({ broker: place.broker, log: () => {} });
    app.task('held', () => new Promise<void>((resolve) => release.push(resolve)), { ackLate });
    const worker = app.worker({ name: 'one@here', ...options });
    running = { worker, ended: worker.run() };
    return app;
  };
  const asked = { destination: ['one@here'], timeoutMs: 20_000 };
  /** As many as it wants, and no more while it answers questions, which go the whole way through it. */
  const settlesAt = async (count: number, sent: number): Promise<void> => {
    await until(async () => (await place.unacknowledged(sent)) === count, `${count} in hand`);
    for (let n = 0; n < 20; n++) {
      expect((await app?.control.ping(asked))?.size).toBe(1);
      expect(await place.unacknowledged(sent)).toBe(count);
    }
  };
  const prefetchShown = async (): Promise<unknown> => {
    const stats = await app?.control.stats(asked);
    return (stats?.get('one@here') as { prefetch_count?: number } | undefined)?.prefetch_count;
  };

  test.skipIf(!here)('with 1 and late ack has its running jobs and no other', async () => {
    const { send } = start({ concurrency: 2, prefetchMultiplier: 1 });
    for (let n = 0; n < 20; n++) await send('held');
    await until(() => release.length === 2, 'two running jobs');
    await settlesAt(2, 20);
    expect(await prefetchShown()).toBe(2);
    release.shift()?.();
    await until(() => release.length === 2, 'the third job');
    await settlesAt(2, 19);
  });

  test.skipIf(!here)('with 3 has three times its slots, and follows when these grow and shrink', async () => {
    const { send, control } = start({ concurrency: 2, prefetchMultiplier: 3 });
    for (let n = 0; n < 40; n++) await send('held');
    await settlesAt(6, 40);
    expect(await prefetchShown()).toBe(6);
    await control.poolGrow(2, asked);
    await until(() => release.length === 4, 'four running jobs');
    await settlesAt(12, 40);
    expect(await prefetchShown()).toBe(12);
    await control.poolShrink(3, asked);
    expect(await prefetchShown()).toBe(3);
    // Four still run, of one slot: everything else goes back.
    await settlesAt(4, 40);
  });

  test.skipIf(!here)('of early ack has as many as it runs again', async () => {
    const { send } = start({ concurrency: 2, prefetchMultiplier: 1 }, false);
    for (let n = 0; n < 20; n++) await send('held');
    await until(() => release.length === 2, 'two running jobs');
    // Two are acknowledged and gone.
    await settlesAt(2, 18);
  });

  test.skipIf(!here)('gets past jobs that are due later, one more for each', async () => {
    const { send, control } = start({ concurrency: 1, prefetchMultiplier: 1 });
    for (let n = 0; n < 20; n++) await send('held', [], { countdown: 600 });
    await send('held');
    await send('held');
    await until(() => release.length === 1, 'the job behind them');
    expect((await control.reserved(asked)).get('one@here')).toEqual([]);
  });
});
