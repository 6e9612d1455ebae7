/**
 * Drain before fire with real workers: Python's Celery and ours, on a real Redis and a real RabbitMQ, as dynos of the fake
 * Heroku (real processes) and under the local fleet, with early and with late acknowledgement. Each job marks its start and
 * its end with a file and ends when the test says so; nothing that began may be missing at the end.
 */
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createApp } from '@headcount/tasks';
import { connect } from 'amqplib';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  has,
  type RabbitServer,
  type RedisServer,
  startRabbit,
  startRedis,
  temporaryFolder,
} from '../checks/fixtures.ts';
import { until } from '../checks/servers.ts';
import { type Language, openShop, type Shop } from '../checks/shop.ts';
import { type FakeHeroku, startFakeHeroku } from '../examples/heroku-fake/server.ts';
import { type OpenStore, openStore } from '../store/open.ts';
import { realClock } from './clock.ts';
import { shippedKinds } from './kinds.ts';
import { createRounds, type Rounds } from './rounds.ts';

const limitMs = 240_000;
const folder = temporaryFolder('drain-real');

/** Asked by hand, not by what is tested. */
interface Asked {
  ready(): Promise<number>;
  close(): Promise<void>;
}

function readyInRedis(url: string, queue: string): Asked {
  const redis = new Redis(url);
  return { ready: () => redis.llen(queue), close: async () => redis.disconnect() };
}

async function readyInRabbit(url: string, queue: string): Promise<Asked> {
  const connection = await connect(url);
  const channel = await connection.createChannel();
  return {
    ready: async () => (await channel.checkQueue(queue)).messageCount,
    close: () => connection.close(),
  };
}

describe.skipIf(!has('redisServer') || !has('python'))('real workers', () => {
  const servers: { redis?: RedisServer; rabbit?: RabbitServer } = {};
  let store: OpenStore;
  let heroku: FakeHeroku | undefined;
  let rounds: Rounds | undefined;
  const logged: string[] = [];
  let stages = 0;
  beforeAll(async () => {
    store = await openStore({ folder: join(folder.path, 'store') });
  }, limitMs);
  afterEach(async () => {
    await rounds?.stop();
    await heroku?.close();
    rounds = undefined;
    heroku = undefined;
    for (const { id } of await store.apps.list()) await store.apps.remove(id);
  }, limitMs);
  afterAll(async () => {
    await store.close();
    await servers.redis?.stop();
    await servers.rabbit?.stop();
    folder.remove();
  });

  interface Play {
    readonly shop: Shop;
    /** Messages that nobody has. */
    ready(): Promise<number>;
    send(name: string): Promise<void>;
    hold(count: number): Promise<void>;
    said(): string;
    latest(): { readonly current: number; readonly slots?: number } | undefined;
    close(): Promise<void>;
  }

  /** An address where no other stage has been, and the meter of it. */
  async function openBroker(
    kind: 'redis' | 'rabbit',
  ): Promise<{ url: string; meter: string; queue: string }> {
    if (kind === 'redis') {
      servers.redis ??= await startRedis();
      return { url: `${servers.redis.url}/${stages}`, meter: 'celery-redis', queue: 'celery' };
    }
    servers.rabbit ??= await startRabbit();
    return { url: servers.rabbit.url, meter: 'celery-rabbitmq', queue: `celery-${stages}` };
  }

  async function play(
    fleet: 'heroku' | 'local',
    language: Language,
    late: boolean,
    kind: 'redis' | 'rabbit',
  ): Promise<Play> {
    const place = join(folder.path, `stage-${++stages}`);
    const { url, meter, queue } = await openBroker(kind);
    const shop = openShop(place, url, { late, queue });
    const command = shop.command(language, fleet === 'heroku' ? '$DYNO' : '$HEADCOUNT_PROCESS');
    const choice =
      fleet === 'heroku' ? await onHeroku(place, command, shop.env) : onThisMachine(place, command, shop.env);
    const manager = await addApp(choice, { use: meter, options: { url, queue } });
    const asked = kind === 'redis' ? readyInRedis(url, queue) : await readyInRabbit(url, queue);
    const app = createApp({ broker: url, queue, ignoreResult: true, log: () => {} });
    const work = app.task<[string], void>('shop.work', async () => {});
    return {
      shop,
      ready: asked.ready,
      send: async (job) => void (await work.delay(job)),
      hold: async (count) => {
        await store.managers.update(manager, { hold: { count } });
        await rounds?.refresh('shop');
      },
      said: () => rounds?.manager('shop', 'worker')?.memory.decisions.at(-1)?.reasons.at(-1)?.text ?? '',
      latest: () => rounds?.manager('shop', 'worker')?.memory.latest,
      close: async () => void (await Promise.all([app.close(), asked.close()])),
    };
  }

  async function onHeroku(place: string, worker: string, env: Shop['env']) {
    heroku = await startFakeHeroku({
      procfile: { worker },
      app: 'shop',
      run: place,
      config: env,
      log: (line) => logged.push(line),
    });
    return { use: 'heroku', options: { app: 'shop', apiKey: heroku.apiKey, baseUrl: heroku.url } };
  }

  function onThisMachine(place: string, worker: string, env: Shop['env']) {
    writeFileSync(join(place, 'Procfile'), `worker: ${worker}\n`);
    Object.assign(process.env, env);
    return { use: 'local', options: { procfile: join(place, 'Procfile'), folder: place } };
  }

  async function addApp(
    fleet: { use: string; options: Record<string, string> },
    meter: { use: string; options: Record<string, string> },
  ) {
    const app = await store.apps.create({
      name: 'shop',
      token: `token-${stages}`,
      fleet,
      createdAt: Date.now(),
    });
    const { id } = await store.managers.create(
      app.id,
      {
        processType: 'worker',
        minimum: 0,
        maximum: 4,
        paused: false,
        meters: [meter],
        rules: [],
        limits: [{ use: 'drain-first', options: {} }],
      },
      Date.now(),
    );
    await store.managers.update(id, { hold: { count: 2 } });
    const log = pino({ level: 'silent' });
    rounds = createRounds(
      {
        store,
        kinds: shippedKinds,
        clock: realClock,
        log,
        dataFolder: join(folder.path, `data-${stages}`),
        intervalMs: 300,
      },
      () => {},
    );
    await rounds.start();
    return id;
  }

  const stories = [
    ['heroku', 'python', false, 'redis'],
    ['heroku', 'python', true, 'redis'],
    ['heroku', 'ours', false, 'redis'],
    ['heroku', 'ours', true, 'redis'],
    ['local', 'python', false, 'redis'],
    ['local', 'ours', true, 'redis'],
  ] as const;
  const onRabbit = [
    ['heroku', 'python', false, 'rabbit'],
    ['heroku', 'ours', true, 'rabbit'],
    ['local', 'python', true, 'rabbit'],
  ] as const;

  test.each([...stories, ...(has('rabbitmq') ? onRabbit : [])])(
    'on %s, workers of %s, late acknowledgement %s, %s: told, waited for, taken back, let go idle',
    async (fleet, language, late, kind) => {
      const { shop, ready, send, hold, said, latest, close } = await play(fleet, language, late, kind);
      const comes = (condition: () => boolean | Promise<boolean>, what: string): Promise<void> =>
        until(condition, what, 90_000).catch((error) =>
          expect.unreachable(
            `${error}; ${said()}; ${readdirSync(shop.place)}; ${logged.slice(-20).join('\n')}`,
          ),
        );
      const began = (job: string): boolean => shop.began().includes(job);
      await comes(() => latest()?.slots === 2, 'both workers');
      // A worker of early acknowledgement reserves one job beside the one that it runs.
      const first: string[] = [];
      const reserves = language === 'python' && !late;
      for (const job of reserves ? ['a', 'b', 'c'] : ['a', 'b']) {
        if (shop.began().length === 2) break;
        first.push(job);
        await send(job);
        await comes(async () => (await ready()) === 0, `${job} to be taken`);
        await comes(() => shop.began().length === 2 || began('a'), `${job} to begin`);
      }
      await comes(() => shop.began().length === 2, 'both to work');

      await hold(0);
      const both = /^waiting for worker\.[12]: \d running, [^,;]*, worker\.[12]: \d running/;
      await comes(() => both.test(said()), 'both to be told');
      // Nobody takes it: both have been told.
      await send('x');
      for (const job of first) shop.end(job);
      await comes(() => shop.done().join() === first.join(), 'all that was in hand to end');
      await comes(() => latest()?.current === 0, 'both to go');
      expect(began('x')).toBe(false);
      expect(await ready()).toBe(1);

      await hold(1);
      await comes(() => began('x'), 'the next to begin');
      await hold(0);
      await comes(() => /^waiting for worker\.\d: 1 running/.test(said()), 'it to be waited for');
      await hold(1);
      await comes(() => !said().startsWith('waiting'), 'it to be kept');
      shop.end('x');
      await comes(() => shop.done().includes('x'), 'it to end');
      // Taken back: it works again.
      await send('y');
      await comes(() => began('y'), 'the last to begin');
      shop.end('y');
      await hold(0);
      await comes(() => latest()?.current === 0, 'the last to go');
      expect(shop.done()).toEqual([...first, 'x', 'y']);
      if (heroku)
        expect(heroku.stats()).toMatchObject({ killedRunning: 0, stoppedBusy: 0, killed: 0, crashed: 0 });
      await close();
    },
    limitMs,
  );
});
