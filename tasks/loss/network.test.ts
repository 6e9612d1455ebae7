/**
 * The network is cut again and again, or the broker is restarted, while a worker of late ack works: nothing is lost, and
 * a job is done twice only when a cut explains it: its handler was at work, or its acknowledgement on the way.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { countCases } from '../../checks/celery.ts';
import { type Cuttable, cuttable } from '../../checks/cuttable.ts';
import { has, type RabbitServer, startRabbit, startRedis, temporaryFolder } from '../../checks/fixtures.ts';
import { freePort, until } from '../../checks/servers.ts';
import { type AppOptions, createApp, type TasksApp, TasksError } from '../index.ts';

const taskCount = 2_500;
const batchCount = 50;
const slots = 10;
const cuts = 6;
/** Long enough for a cut to find all slots busy. */
const workMs = 10;
const limitMs = 250_000;

// A busy machine may be many times slower.
vi.setConfig({ testTimeout: 300_000 });

interface Tally {
  /** How often each was done. */
  readonly done: Map<number, number>;
  /** Of each cut: how many were done until then. */
  readonly cutAt: number[];
}

interface Scene {
  readonly app: TasksApp;
  readonly tally: Tally;
  readonly ended: Promise<void>;
  stop(): Promise<void>;
}

function scene(options: AppOptions): Scene {
  const app = createApp({ log: () => {}, results: false, ...options });
  const tally: Tally = { done: new Map(), cutAt: [] };
  app.task('note', async (_context, i: number) => {
    await pause(workMs);
    tally.done.set(i, (tally.done.get(i) ?? 0) + 1);
  });
  const worker = app.worker({ concurrency: slots, remoteControl: false });
  const ended = worker.run();
  return { app, tally, ended, stop: () => worker.stop() };
}

/** Sends all of them by another way, which nobody cuts, or by the one that is cut. */
async function sendAll(app: TasksApp): Promise<void> {
  for (let from = 0; from < taskCount; from += batchCount)
    for (let i = from; i < from + batchCount; i++) await untilSent(() => app.send('note', [i]));
}

/** A rejected send says that the broker may not have it; the sender sends again. */
async function untilSent(send: () => Promise<unknown>): Promise<void> {
  await until(
    () =>
      send().then(
        () => true,
        (error: unknown) => {
          if (error instanceof TasksError && error.code === 'BROKER_UNREACHABLE') return false;
          throw error;
        },
      ),
    'a send',
    limitMs,
  );
}

async function harm(tally: Tally, times: number, strike: () => Promise<void>): Promise<void> {
  for (let n = 1; n <= times; n++) {
    const enough = Math.floor((taskCount * n) / (times + 1));
    await until(() => tally.done.size >= enough, `${enough} done`, limitMs);
    tally.cutAt.push(tally.done.size);
    await strike();
  }
}

function expectAllDone({ done }: Tally, strikes: number, heldAtATime: number): void {
  const missing = Array.from({ length: taskCount }, (_, i) => i).filter((i) => !done.has(i));
  const twice = [...done.values()].reduce((sum, times) => sum + times - 1, 0);
  process.stderr.write(`    ${done.size} of ${taskCount} done, ${strikes} strikes, ${twice} done twice\n`);
  expect(missing).toEqual([]);
  expect(twice).toBeLessThanOrEqual(strikes * heldAtATime);
}

/** Of what a strike may repeat: what ran, what had ended since the last acknowledgement, and a send whose answer was lost. */
const repeatable = 3 * slots + 60;

describe.skipIf(!has('redisServer'))('Redis', () => {
  countCases('loss suite, network', 'Redis');
  test('connections are cut while jobs are sent and worked on', async () => {
    const server = await startRedis();
    const way = await cuttable(server.port);
    const { app, tally, ended, stop } = scene({
      broker: `redis://127.0.0.1:${way.port}`,
      redis: { leaseSeconds: 2 },
    });
    const sending = sendAll(app);
    await harm(tally, cuts, async () => way.cut());
    await sending;
    await until(() => tally.done.size === taskCount, 'all done', limitMs);
    await until(async () => isEmpty(await app.depth()), 'nothing left', limitMs);
    await stop();
    await ended;
    await app.close();
    way.close();
    await server.stop();
    expectAllDone(tally, cuts, repeatable);
  });

  test('the way is closed for a while, again and again', async () => {
    const server = await startRedis();
    const way = await cuttable(server.port);
    const { app, tally, ended, stop } = scene({
      broker: `redis://127.0.0.1:${way.port}`,
      redis: { leaseSeconds: 2 },
    });
    const outside = createApp({ broker: server.url, results: false });
    const calls = Array.from({ length: taskCount }, (_, i) => [i] as const);
    await outside.task('note', (_context, _i: number) => {}).delayMany(calls);
    await harm(tally, 3, () => outage(way));
    await until(() => tally.done.size === taskCount, 'all done', limitMs);
    await until(async () => isEmpty(await outside.depth()), 'nothing left', limitMs);
    await stop();
    await ended;
    await Promise.all([app.close(), outside.close()]);
    way.close();
    await server.stop();
    expectAllDone(tally, 3, repeatable);
  });

  test('the server, which writes each command to its disk, is killed and started again', async () => {
    const folder = temporaryFolder('redis-durable');
    const port = await freePort();
    const args = ['--dir', folder.path, '--appendonly', 'yes', '--appendfsync', 'always'];
    let server = await startRedis({ port, args });
    const { app, tally, ended, stop } = scene({ broker: server.url, redis: { leaseSeconds: 2 } });
    const sending = sendAll(app);
    await harm(tally, 2, async () => {
      await server.stop('SIGKILL');
      server = await startRedis({ port, args });
    });
    await sending;
    await until(() => tally.done.size === taskCount, 'all done', limitMs);
    await until(async () => isEmpty(await app.depth()), 'nothing left', limitMs);
    await stop();
    await ended;
    await app.close();
    await server.stop();
    folder.remove();
    expectAllDone(tally, 2, repeatable);
  });
});

describe.skipIf(!has('rabbitmq'))('RabbitMQ', () => {
  countCases('loss suite, network', 'RabbitMQ');
  let server: RabbitServer;
  beforeAll(async () => {
    server = await startRabbit();
  }, 90_000);
  afterAll(async () => {
    await server.stop();
  });

  for (const queueType of ['classic', 'quorum'] as const)
    test(`connections are cut while jobs are sent and worked on, ${queueType} queue`, async () => {
      const way = await cuttable(server.port);
      const { app, tally, ended, stop } = scene({
        broker: `amqp://127.0.0.1:${way.port}`,
        queue: `cut-${queueType}`,
        rabbitmq: { queueType },
      });
      const sending = sendAll(app);
      await harm(tally, cuts, async () => way.cut());
      await sending;
      await until(() => tally.done.size === taskCount, 'all done', limitMs);
      await stop();
      await ended;
      expect(await app.depth()).toEqual({ waiting: 0 });
      await app.close();
      way.close();
      expectAllDone(tally, cuts, repeatable);
    });

  test('of two addresses the other one is taken when one fails', async () => {
    const [one, two] = [await cuttable(server.port), await cuttable(server.port)];
    const { app, tally, ended, stop } = scene({
      broker: `amqp://127.0.0.1:${one.port};amqp://127.0.0.1:${two.port}`,
      queue: 'failover',
    });
    const sending = sendAll(app);
    await harm(tally, 4, async () => {
      const [next, last] = tally.cutAt.length % 2 === 1 ? [two, one] : [one, two];
      next.mend();
      last.block();
    });
    await sending;
    await until(() => tally.done.size === taskCount, 'all done', limitMs);
    await stop();
    await ended;
    await app.close();
    one.close();
    two.close();
    expectAllDone(tally, 4, repeatable);
  });

  // A classic queue writes acknowledgements to its disk late, so a server that is killed may forget each one before the kill.
  test.each([
    ['classic', (cutAt: readonly number[]) => cutAt.reduce((sum, done) => sum + done, 0)],
    ['quorum', () => 0],
  ] as const)(
    'the server is killed and started again, with what it had, %s queue',
    async (queueType, forgotten) => {
      const { app, tally, ended, stop } = scene({
        broker: server.url,
        queue: `restart-${queueType}`,
        rabbitmq: { queueType },
      });
      const sending = sendAll(app);
      await harm(tally, 2, async () => {
        const { port, folder } = server;
        if (queueType === 'quorum')
          await until(() => isRegistered(folder, `restart-${queueType}`), 'its entry');
        await server.stop('SIGKILL', true);
        server = await startRabbit({ port, folder });
      });
      await sending;
      await until(() => tally.done.size === taskCount, 'all done', limitMs);
      await stop();
      await ended;
      expect(await app.depth()).toEqual({ waiting: 0 });
      await app.close();
      expectAllDone(tally, 2, repeatable + forgotten(tally.cutAt));
    },
  );
});

function isEmpty({ waiting, running, later }: Awaited<ReturnType<TasksApp['depth']>>): boolean {
  return waiting === 0 && running === 0 && later === 0;
}

/**
 * RabbitMQ 3.10 writes the names of its quorum queues to the disk up to a second after it declared them. Killed before, it
 * comes back with a queue that never finds a leader, which no client can mend.
 */
function isRegistered(folder: string, queue: string): boolean {
  const data = join(folder, 'data');
  return readdirSync(data, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('names.dets'))
    .some((path) => readFileSync(join(data, path)).includes(queue));
}

async function outage(way: Cuttable): Promise<void> {
  way.block();
  // Longer than the first attempts to come back.
  await pause(1_000);
  way.mend();
}
