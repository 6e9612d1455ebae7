/**
 * The meter against real RabbitMQ and real Celery workers in every state. The truth is counted on its own: the jobs sent are
 * known, each job marks its start with a file and ends when the test says so, and RabbitMQ is asked by hand for the rest.
 */
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { createApp } from '@headcount/tasks';
import { type ChannelModel, connect } from 'amqplib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { has, type RabbitServer, startRabbit, temporaryFolder } from '../checks/fixtures.ts';
import { type GatedScene, gatedCelery } from '../checks/gated-celery.ts';
import { freePort, until } from '../checks/servers.ts';
import type { JobsReading, Reading } from '../decide/words.ts';
import { celeryRabbitmq } from './celery-rabbitmq.ts';
import { meterContract, type Situation } from './contract.ts';
import type { Meter } from './meter.ts';

const limitMs = 180_000;
const patience = AbortSignal.timeout(900_000);
const defaults = Object.fromEntries(
  celeryRabbitmq.options.map(({ name, default: value }) => [name, value ?? '']),
);

function meterOf(options: Record<string, string | number | boolean>): Meter {
  const surroundings = { appToken: 'token', processType: 'worker', now: Date.now };
  return celeryRabbitmq.create({ ...defaults, ...options }, surroundings);
}

/** One look by a fresh meter, whose first round waits for all workers there may be. */
async function look(options: Record<string, string | number | boolean>): Promise<Reading[]> {
  const meter = meterOf({ controlTimeoutSeconds: 2, ...options });
  try {
    return await meter.read(patience);
  } finally {
    await meter.close?.();
  }
}

/** The numbers that are known. */
function numbers(readings: readonly Reading[]): Partial<JobsReading> {
  const [reading] = readings;
  if (reading?.kind !== 'jobs') throw new Error(`no jobs: ${JSON.stringify(readings)}`);
  const { waiting, running, later, slots } = reading;
  return JSON.parse(JSON.stringify({ waiting, running, later, slots }));
}

const jobs = async (options: Record<string, string | number | boolean>): Promise<Partial<JobsReading>> =>
  numbers(await look(options));

async function tcp(answer: string | undefined): Promise<Situation> {
  const sockets = new Set<Socket>();
  const listener = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined).on('data', () => answer && socket.write(answer)));
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  return {
    options: { url: `amqp://127.0.0.1:${(listener.address() as AddressInfo).port}` },
    stop: () => {
      for (const socket of sockets) socket.destroy();
      listener.close();
    },
  };
}

describe.skipIf(!has('rabbitmq'))('celery-rabbitmq', () => {
  let server: RabbitServer;
  let broker: ChannelModel;
  const folder = temporaryFolder('celery-rabbit');
  const celery = gatedCelery(folder.path);
  const { kill } = celery;
  let scenes = 0;

  beforeAll(async () => {
    server = await startRabbit();
    broker = await connect(server.url);
    broker.on('error', () => {});
  }, limitMs);
  afterAll(async () => {
    await celery.killAll();
    await broker.close().catch(() => {});
    await server.stop();
    folder.remove();
  }, limitMs);

  const ready = async (queue: string): Promise<number> => {
    const channel = await broker.createChannel();
    channel.on('error', () => {});
    try {
      return (await channel.checkQueue(queue)).messageCount;
    } finally {
      await channel.close().catch(() => {});
    }
  };
  const declare = async (queue: string, count: number, args: object = {}): Promise<void> => {
    const channel = await broker.createConfirmChannel();
    await channel.assertQueue(queue, { durable: true, arguments: args });
    for (let index = 0; index < count; index++) channel.sendToQueue(queue, Buffer.from('[[], {}, {}]'));
    await channel.waitForConfirms();
    await channel.close();
  };

  describe('contract', () => {
    meterContract({ test, expect }, celeryRabbitmq, {
      truth: async () => {
        const queue = `truth-${scenes++}`;
        await declare(queue, 3);
        const readings = [{ kind: 'jobs', queue, waiting: 3, later: 0, running: 0, slots: 0 } as const];
        return { options: { url: server.url, queue }, readings };
      },
      down: async () => ({ options: { url: `amqp://guest:a-secret@127.0.0.1:${await freePort()}` } }),
      wrongPassword: async () => ({ options: { url: server.url.replace('//', '//guest:not-it@') } }),
      garbage: () => tcp('HTTP/1.1 400 Bad Request\r\n\r\n'),
      slow: () => tcp(undefined),
    });
  });

  test('each refusal has its own sentence', async () => {
    const why = async (options: Record<string, string>): Promise<string> => {
      const [reading] = await look(options);
      return reading?.kind === 'unknown' ? reading.why : JSON.stringify(reading);
    };
    expect(await why({ url: server.url, queue: 'nobody' })).toContain('has no queue "nobody"');
    expect(await why({ url: server.url.replace('//', '//guest:x@') })).toMatch(/refused the user, the pass/);
    expect(await why({ url: `${server.url}/music` })).toContain('virtual host');
    expect(await why({ url: 'redis://localhost' })).toContain('is no address of RabbitMQ');
    expect(await why({ url: `${server.url.replace('amqp:', 'amqps:')}` })).toMatch(/TLS|cut the connection/);
    expect(await why({ url: 'amqp://no-such-host.invalid' })).toContain('host name is not known');
  });

  test('a missing queue is unknown until it is there, on one connection', async () => {
    const meter = meterOf({ url: server.url, queue: 'comes-later' });
    expect(await meter.read(patience)).toMatchObject([{ kind: 'unknown' }]);
    await declare('comes-later', 2);
    expect(await meter.read(patience)).toMatchObject([{ kind: 'jobs', waiting: 2 }]);
    await meter.close?.();
  });

  test('of several addresses the next one is taken when one is down', async () => {
    await declare('several', 1);
    const url = `amqp://127.0.0.1:${await freePort()};${server.url}/`;
    expect(await jobs({ url, queue: 'several' })).toMatchObject({ waiting: 1 });
    expect(await jobs({ url: `${server.url}//`, queue: 'several' })).toMatchObject({ waiting: 1 });
  });

  test('queues with priorities and quorum queues are counted as any', async () => {
    await declare('by-priority', 4, { 'x-max-priority': 10 });
    await declare('by-quorum', 5, { 'x-queue-type': 'quorum' });
    expect(await jobs({ url: server.url, queue: 'by-priority' })).toMatchObject({ waiting: 4, running: 0 });
    await until(async () => (await ready('by-quorum')) === 5, 'the quorum');
    expect(await jobs({ url: server.url, queue: 'by-quorum' })).toMatchObject({ waiting: 5, running: 0 });
  });

  test('looking takes nothing: what was ready is neither taken nor marked', async () => {
    await declare('untouched', 2);
    const meter = meterOf({ url: server.url, queue: 'untouched' });
    for (let times = 0; times < 3; times++) await meter.read(patience);
    const channel = await broker.createChannel();
    for (let times = 0; times < 2; times++) {
      const message = await channel.get('untouched', { noAck: true });
      if (!message) throw new Error('a message is gone');
      expect(message.fields.redelivered).toBe(false);
    }
    await channel.close();
    await meter.close?.();
  });

  describe.skipIf(!has('python'))('with workers of Python', () => {
    const open = (settings: object = {}): GatedScene & { readonly queue: string } => {
      const queue = `scene-${scenes++}`;
      return { queue, ...celery.scene(queue, `${server.url}//`, { queue, settings }) };
    };

    for (const late of [false, true])
      test(
        `acknowledged ${late ? 'late' : 'early'}: running, reserved, due later; then it dies`,
        async () => {
          const { queue, send, worker, started, finished, openGate } = open({ task_acks_late: late });
          const options = { url: server.url, queue };
          const running = worker('-c', '2', '-n', `late-${late}@here`);
          await send(5, { countdown: 3_600 });
          await send(20);
          // prefetch 2 x 4, one more for each that is due later; early, the 2 running ones are acknowledged
          const left = 20 - 8 - (late ? 0 : 2);
          await until(async () => started() === 2 && (await ready(queue)) === left, 'the state', 60_000);
          const truth = { waiting: 18, running: 2, later: 5, slots: 2 };
          await until(async () => (await jobs(options)).later === 5, 'the answers');
          expect(await jobs(options)).toEqual(truth);

          const meter = meterOf(options);
          expect(numbers(await meter.read(patience))).toEqual(truth);
          const [next] = await meter.read(patience);
          expect(next).toMatchObject({ ...truth, startedTotal: 0 });
          // All of it was there before this meter looked.
          expect(next).not.toHaveProperty('oldestSeconds');
          expect(next).toMatchObject({
            runningSeconds: [
              [expect.any(Number), 1],
              [expect.any(Number), 1],
            ],
          });

          await kill(running);
          await until(async () => (await ready(queue)) === (late ? 25 : 23), 'what is given back');
          // Without a worker nobody can tell a job that is due later from one that waits.
          expect(numbers(await meter.read(patience))).toEqual({
            waiting: late ? 25 : 23,
            running: 0,
            later: 0,
            slots: 0,
          });
          openGate();
          const second = worker('-c', '4', '-n', 'second@here');
          await until(() => finished() === (late ? 20 : 18), 'the rest', 60_000);
          await until(async () => (await jobs(options)).running === 0, 'the last answer');
          expect(await jobs(options)).toEqual({ waiting: 0, running: 0, later: 5, slots: 4 });
          await until(async () => {
            const [reading] = await meter.read(patience);
            return reading?.kind === 'jobs' && reading.startedTotal === 18 + (late ? 2 : 0);
          }, 'the counter of jobs started');
          await meter.close?.();
          await kill(second);
        },
        limitMs,
      );

    test(
      'a worker of another queue counts for that one, and an exchange leads where it is bound',
      async () => {
        const { queue, send, worker, started } = open({ exchange: 'media', worker_prefetch_multiplier: 1 });
        const other = open({ worker_prefetch_multiplier: 1 });
        const one = worker('-c', '1', '-n', 'low@here');
        const two = other.worker('-c', '1', '-n', 'other@here');
        await send(5, { exchange: 'media', routing_key: 'media.low' });
        await other.send(4);
        await until(() => started() === 1 && other.started() === 1, 'the jobs', 60_000);
        const of = (name: string) => jobs({ url: server.url, queue: name });
        await until(async () => (await of(queue)).running === 1, 'the answers');
        expect(await of(queue)).toEqual({ waiting: 4, running: 1, later: 0, slots: 1 });
        expect(await of(other.queue)).toEqual({ waiting: 3, running: 1, later: 0, slots: 1 });
        await Promise.all([kill(one), kill(two)]);
      },
      limitMs,
    );

    test(
      'a worker that cannot answer: ready is known, running is unknown, and then it is known',
      async () => {
        const { queue, send, worker, started, finished, openGate } = open();
        const solo = worker('-P', 'solo', '-n', 'solo@here');
        await send(6);
        await until(() => started() === 1, 'the job', 60_000);
        const options = { url: server.url, queue };
        let left = 6;
        await until(async () => {
          const before = left;
          left = await ready(queue);
          const [seen] = await look(options);
          return left < 6 && left === before && seen?.kind === 'jobs' && seen.waiting === left;
        }, 'what it took');
        const [reading, unknown] = await look(options);
        expect(reading).toMatchObject({ kind: 'jobs', waiting: left, estimated: true });
        expect(reading).not.toHaveProperty('running');
        expect(reading).not.toHaveProperty('slots');
        expect(unknown).toMatchObject({ kind: 'unknown', why: expect.stringContaining('does not answer') });
        const [blind, ...others] = await look({ ...options, control: false });
        expect(blind).toMatchObject({ waiting: left, estimated: true });
        expect(others).toEqual([]);
        openGate();
        await until(() => finished() === 6, 'the jobs');
        await until(async () => (await jobs(options)).slots === 1, 'an answer', 30_000);
        expect(await look(options)).toHaveLength(1);
        expect(await jobs(options)).toEqual({ waiting: 0, running: 0, later: 0, slots: 1 });
        await kill(solo);
      },
      limitMs,
    );

    test(
      'a revoked job waits until a worker throws it away',
      async () => {
        const { queue, send, revoke, worker, started, openGate, finished } = open({
          worker_prefetch_multiplier: 1,
        });
        const one = worker('-c', '1', '-n', 'revoking@here');
        await send(4);
        await until(() => started() === 1, 'the job', 60_000);
        await send(1, { task_id: 'never' });
        await revoke('never');
        await until(async () => (await jobs({ url: server.url, queue })).running === 1, 'the answer');
        expect(await jobs({ url: server.url, queue })).toEqual({
          waiting: 4,
          running: 1,
          later: 0,
          slots: 1,
        });
        openGate();
        await until(() => finished() === 4, 'the jobs');
        await until(async () => (await jobs({ url: server.url, queue })).running === 0, 'the end');
        expect(await jobs({ url: server.url, queue })).toEqual({
          waiting: 0,
          running: 0,
          later: 0,
          slots: 1,
        });
        expect(started()).toBe(4);
        await kill(one);
      },
      limitMs,
    );

    test(
      'its workers are told to take no new jobs, and are taken back',
      async () => {
        const { queue, worker } = open();
        const one = worker('-c', '1', '-n', 'worker.1@here');
        const meter = meterOf({ url: server.url, queue, controlTimeoutSeconds: 2 });
        const { workers } = meter;
        if (!workers) throw new Error('it must reach its workers');
        const node = { node: 'worker.1@here', queues: [queue] };
        await until(async () => (await workers.ask(patience)).nodes.length === 1, 'the worker', 60_000);
        expect(await workers.ask(patience)).toEqual({
          nodes: [{ ...node, quiet: false, jobs: 0 }],
          silentCount: 0,
        });
        await workers.quiet([node], patience);
        await until(async () => (await workers.ask(patience)).nodes[0]?.quiet === true, 'its obedience');
        await workers.resume([node], patience);
        await until(async () => (await workers.ask(patience)).nodes[0]?.quiet === false, 'its return');
        await kill(one);
        await until(async () => (await workers.ask(patience)).nodes.length === 0, 'its end');
        expect((await workers.ask(patience)).silentCount).toBe(0);
        await meter.close?.();
      },
      limitMs,
    );
  });

  // The last: jobs in delayed delivery are of the whole virtual host.
  test(
    'workers of @headcount/tasks and delayed delivery',
    async () => {
      const queue = 'tracks';
      const app = createApp({ broker: server.url, queue, ignoreResult: true });
      let open = (): void => undefined;
      const gate = new Promise<void>((resolve) => {
        open = resolve;
      });
      let began = 0;
      const task = app.task('probe.block', async () => {
        began++;
        await gate;
      });
      await task.delayMany(Array.from({ length: 20 }, () => []));
      for (let job = 0; job < 3; job++) await task.applyAsync([], { countdown: 3_600 });
      const options = { url: server.url, queue };
      expect(await jobs(options)).toEqual({ waiting: 20, running: 0, later: 3, slots: 0 });
      const worker = app.worker({ queues: [queue], concurrency: 2 });
      const ended = worker.run({ handleSignals: false });
      await until(() => began === 2, 'the jobs');
      await until(async () => (await jobs(options)).slots === 2, 'the worker');
      expect(await jobs(options)).toEqual({ waiting: 18, running: 2, later: 3, slots: 2 });
      open();
      await until(() => began === 20, 'the rest');
      await until(async () => (await jobs(options)).running === 0, 'the end');
      expect(await jobs(options)).toEqual({ waiting: 0, running: 0, later: 3, slots: 2 });
      worker.stop();
      await ended;
      await app.close();
    },
    limitMs,
  );
});
