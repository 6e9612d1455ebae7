/** Jobs that end one worker after the other: what was to follow them ends, too, and nobody waits for ever. */
import { once } from 'node:events';
import { join } from 'node:path';
import amqp from 'amqplib';
import { Redis } from 'ioredis';
import Libsql from 'libsql';
import { afterEach, describe, expect, test } from 'vitest';
import { has, startRabbit, startRedis, temporaryFolder } from '../checks/fixtures.ts';
import { spawnProgram } from '../checks/program.ts';
import { until } from '../checks/servers.ts';
import { chain, chord, createApp, type TasksApp } from './index.ts';

/** The worker that starts all three dies at once. */
const killer = `
import { createApp } from 'TASKS/index.ts';
const app = createApp(JSON.parse(process.env.OPTIONS));
let started = 0;
app.task('poison', () => {
  if (++started === 3) process.kill(process.pid, 'SIGKILL');
  return new Promise(() => {});
});
await app.worker({ concurrency: 3 }).run();
`;

interface Place {
  readonly folder: string;
  readonly options: Readonly<Record<string, unknown>> & { readonly broker: string };
  /** Makes the three jobs in the queue look as if they had ended nine workers. */
  wear(): Promise<void>;
  /** Errors of what was set aside. */
  aside(): Promise<string[]>;
  stop(): Promise<void>;
}

const kinds = [
  { name: 'a file', here: true, start: inFile },
  { name: 'Redis', here: has('redisServer'), start: onRedis },
  { name: 'RabbitMQ', here: has('rabbitmq'), start: onRabbit },
];

describe.each(kinds)('on $name', ({ here, start }) => {
  let app: TasksApp | undefined;
  let place: Place | undefined;
  afterEach(async () => {
    await app?.close();
    await place?.stop();
    app = undefined;
    place = undefined;
  });

  test.skipIf(!here)('a job that ended ten workers ends its chord, its chain and its errbacks', async () => {
    place = await start();
    const told: string[] = [];
    let runs = 0;
    app = createApp({ ...place.options, log: () => {} });
    const poison = app.task('poison', () => ++runs);
    const add = app.task('add', (_context, a: number, b: number) => a + b);
    const sum = app.task('sum', (_context, all: readonly number[]) => all.length);
    const tell = app.task('tell', (_context, failedId: string) => {
      told.push(failedId);
    });
    const inChord = await chord([poison.s(), add.s(1, 1).set({ queue: 'calm' })], sum.s()).delay();
    const inChain = await chain(poison.s(), add.s(1)).delay();
    const linked = await poison
      .s()
      .linkError(tell.s().set({ queue: 'calm' }))
      .delay();
    await place.wear();
    const dying = spawnProgram(place.folder, killer, 'pipe', { OPTIONS: JSON.stringify(place.options) });
    await once(dying, 'exit');
    expect(dying.signalCode).toBe('SIGKILL');

    const worker = app.worker({ queues: ['celery', 'calm'] });
    const ended = worker.run();
    const patience = { timeoutMs: 100_000 };
    await expect(linked.get(patience)).rejects.toThrow('ended 10 workers');
    await expect(inChain.get(patience)).rejects.toThrow('ended 10 workers');
    await expect(inChord.get(patience)).rejects.toThrow('ended 10 workers');
    await until(() => told.length > 0, 'the errback', 60_000);
    expect(told).toEqual([linked.id]);
    await until(async () => (await place?.aside())?.length === 3, 'three messages set aside', 60_000);
    expect(new Set(await place.aside())).toEqual(new Set(['WorkerLostError: ended 10 workers']));
    expect(runs).toBe(0);
    await worker.stop();
    await ended;
  });
});

async function inFile(): Promise<Place> {
  const folder = temporaryFolder('poison');
  const file = join(folder.path, 'broker.db');
  const asking = <T>(ask: (db: InstanceType<typeof Libsql>) => T): T => {
    const db = new Libsql(file);
    try {
      return ask(db);
    } finally {
      db.close();
    }
  };
  return {
    folder: folder.path,
    options: { broker: `sqlite:${file}` },
    wear: async () => asking((db) => void db.exec("UPDATE jobs SET deliveries = 9 WHERE queue = 'celery'")),
    aside: async () =>
      asking((db) => db.prepare('SELECT error FROM set_aside').all() as { error: string }[]).map(
        ({ error }) => error,
      ),
    stop: async () => folder.remove(),
  };
}

async function onRedis(): Promise<Place> {
  const folder = temporaryFolder('poison');
  const server = await startRedis();
  const redis = new Redis(server.url);
  return {
    folder: folder.path,
    options: { broker: server.url, redis: { leaseSeconds: 1 } },
    wear: async () => {
      const texts = await redis.lrange('celery', 0, -1);
      for (const [i, text] of texts.entries()) {
        const message = JSON.parse(text) as { headers: object };
        const headers = { ...message.headers, headcount_deliveries: 9 };
        await redis.lset('celery', i, JSON.stringify({ ...message, headers }));
      }
    },
    aside: async () =>
      (await redis.lrange('headcount.set_aside', 0, -1)).map(
        (entry) => (JSON.parse(entry) as { error: string }).error,
      ),
    stop: async () => {
      redis.disconnect();
      await server.stop();
      folder.remove();
    },
  };
}

async function onRabbit(): Promise<Place> {
  const folder = temporaryFolder('poison');
  const server = await startRabbit();
  const connection = await amqp.connect(server.url);
  const channel = await connection.createChannel();
  const seen: string[] = [];
  return {
    folder: folder.path,
    options: {
      broker: server.url,
      rabbitmq: { queueType: 'quorum' },
      // Chords need a store that every worker reads.
      results: `sqlite:${join(folder.path, 'results.db')}`,
    },
    wear: async () => {
      // The one that looks after the chord lies there, too.
      const others: amqp.GetMessage[] = [];
      for (let delivery = 1; delivery <= 9; delivery++) {
        const held: amqp.GetMessage[] = [];
        await until(async () => {
          const message = await channel.get('celery');
          if (message) (message.properties.headers?.task === 'poison' ? held : others).push(message);
          return held.length === 3;
        }, 'three messages');
        for (const message of held) channel.nack(message, false, true);
      }
      for (const message of others) channel.nack(message, false, true);
    },
    aside: async () => {
      await channel.assertQueue('headcount.set_aside', {
        durable: true,
        arguments: { 'x-max-length': 10_000, 'x-overflow': 'drop-head' },
      });
      while (true) {
        const message = await channel.get('headcount.set_aside', { noAck: true });
        if (!message) return seen;
        seen.push(String(message.properties.headers?.headcount_error));
      }
    },
    stop: async () => {
      await connection.close();
      await server.stop();
      folder.remove();
    },
  };
}
