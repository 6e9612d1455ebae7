/**
 * Drain before fire with real workers: Python's Celery and ours, on a real Redis, as dynos of the fake Heroku (real processes)
 * and under the local fleet, with early and with late acknowledgement. Each job marks its start and its end with a file and
 * ends when the test says so; nothing that began may be missing at the end.
 */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createApp } from '@headcount/tasks';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest';
import { has, type RedisServer, startRedis, temporaryFolder } from '../checks/fixtures.ts';
import { until } from '../checks/servers.ts';
import { root } from '../checks/tree.ts';
import { type FakeHeroku, startFakeHeroku } from '../examples/heroku-fake/server.ts';
import { type OpenStore, openStore } from '../store/open.ts';
import { realClock } from './clock.ts';
import { shippedKinds } from './kinds.ts';
import { createRounds, type Rounds } from './rounds.ts';

const limitMs = 240_000;
const folder = temporaryFolder('drain-real');

const shop = (late: boolean): string => `
import os, time
from celery import Celery
app = Celery('shop', broker=os.environ['BROKER'])
app.conf.update(task_acks_late=${late ? 'True' : 'False'}, worker_prefetch_multiplier=1, broker_connection_retry_on_startup=True)
place = os.environ['PLACE']
@app.task(name='shop.work')
def work(name):
    open(place + '/began-' + name, 'w').close()
    while not os.path.exists(place + '/end-' + name):
        time.sleep(0.05)
    open(place + '/done-' + name, 'w').close()
`;

const ours = (late: boolean): string => `
import { existsSync, writeFileSync } from 'node:fs';
import { createApp } from ${JSON.stringify(pathToFileURL(join(root, 'tasks/index.ts')).href)};
const app = createApp({ broker: process.env.BROKER, ignoreResult: true });
const place = process.env.PLACE;
app.task('shop.work', async (_, name) => {
  writeFileSync(place + '/began-' + name, '');
  while (!existsSync(place + '/end-' + name)) await new Promise((wait) => setTimeout(wait, 50));
  writeFileSync(place + '/done-' + name, '');
}, { ackLate: ${late} });
await app.worker({ concurrency: 1 }).run({ handleSignals: true });
await app.close();
`;

const names = (place: string, kind: string): string[] =>
  readdirSync(place)
    .filter((name) => name.startsWith(`${kind}-`))
    .map((name) => name.slice(kind.length + 1))
    .sort();

describe.skipIf(!has('redisServer') || !has('python'))('real workers', () => {
  let server: RedisServer;
  let store: OpenStore;
  let heroku: FakeHeroku | undefined;
  let rounds: Rounds | undefined;
  const logged: string[] = [];
  let stages = 0;
  beforeAll(async () => {
    server = await startRedis();
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
    await server.stop();
    folder.remove();
  });

  interface Play {
    readonly place: string;
    readonly redis: Redis;
    send(name: string): Promise<void>;
    end(name: string): void;
    hold(count: number): Promise<void>;
    said(): string;
    latest(): { readonly current: number; readonly slots?: number } | undefined;
  }

  async function play(fleet: 'heroku' | 'local', language: 'python' | 'ours', late: boolean): Promise<Play> {
    const place = join(folder.path, `stage-${++stages}`);
    mkdirSync(place);
    const broker = `${server.url}/${stages}`;
    const env = { BROKER: broker, PLACE: place };
    const name = fleet === 'heroku' ? '$DYNO' : '$HEADCOUNT_PROCESS';
    writeFileSync(join(place, 'shop.py'), shop(late));
    writeFileSync(join(place, 'worker.mjs'), ours(late));
    const tsx = pathToFileURL(join(root, 'node_modules/tsx/dist/loader.mjs')).href;
    const command =
      language === 'python'
        ? `${inject('servers').python} -m celery -A shop worker -n ${name}@%h -c 1 -l INFO --without-gossip --without-mingle`
        : `node --import ${tsx} ${join(place, 'worker.mjs')}`;
    const choice =
      fleet === 'heroku' ? await onHeroku(place, command, env) : onThisMachine(place, command, env);
    const manager = await addApp(choice, broker);
    const redis = new Redis(broker);
    const app = createApp({ broker, ignoreResult: true });
    const work = app.task<[string], void>('shop.work', async () => {});
    return {
      place,
      redis,
      send: async (job) => void (await work.delay(job)),
      end: (job) => writeFileSync(join(place, `end-${job}`), ''),
      hold: async (count) => {
        await store.managers.update(manager, { hold: { count } });
        await rounds?.refresh('shop');
      },
      said: () => rounds?.manager('shop', 'worker')?.memory.decisions.at(-1)?.reasons.at(-1)?.text ?? '',
      latest: () => rounds?.manager('shop', 'worker')?.memory.latest,
    };
  }

  async function onHeroku(place: string, worker: string, env: Record<string, string>) {
    heroku = await startFakeHeroku({
      procfile: { worker },
      app: 'shop',
      run: place,
      config: env,
      log: (line) => logged.push(line),
    });
    return { use: 'heroku', options: { app: 'shop', apiKey: heroku.apiKey, baseUrl: heroku.url } };
  }

  function onThisMachine(place: string, worker: string, env: Record<string, string>) {
    writeFileSync(join(place, 'Procfile'), `worker: ${worker}\n`);
    Object.assign(process.env, env);
    return { use: 'local', options: { procfile: join(place, 'Procfile'), folder: place } };
  }

  async function addApp(fleet: { use: string; options: Record<string, string> }, broker: string) {
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
        meters: [{ use: 'celery-redis', options: { url: broker } }],
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
    ['heroku', 'python', false],
    ['heroku', 'python', true],
    ['heroku', 'ours', false],
    ['heroku', 'ours', true],
    ['local', 'python', false],
    ['local', 'ours', true],
  ] as const;

  test.each(stories)(
    'on %s, workers of %s, late acknowledgement %s: told, waited for, taken back, let go idle',
    async (fleet, language, late) => {
      const { place, redis, send, end, hold, said, latest } = await play(fleet, language, late);
      const comes = (condition: () => boolean | Promise<boolean>, what: string): Promise<void> =>
        until(condition, what, 90_000).catch((error) =>
          expect.unreachable(`${error}; ${said()}; ${readdirSync(place)}; ${logged.slice(-20).join('\n')}`),
        );
      const began = (job: string): boolean => names(place, 'began').includes(job);
      await comes(() => latest()?.slots === 2, 'both workers');
      // A worker of early acknowledgement reserves one job beside the one that it runs.
      const first: string[] = [];
      const reserves = language === 'python' && !late;
      for (const job of reserves ? ['a', 'b', 'c'] : ['a', 'b']) {
        if (names(place, 'began').length === 2) break;
        first.push(job);
        await send(job);
        await comes(async () => (await redis.llen('celery')) === 0, `${job} to be taken`);
        await comes(() => names(place, 'began').length === 2 || began('a'), `${job} to begin`);
      }
      await comes(() => names(place, 'began').length === 2, 'both to work');

      await hold(0);
      const both = /^waiting for worker\.[12]: \d running, [^,;]*, worker\.[12]: \d running/;
      await comes(() => both.test(said()), 'both to be told');
      // Nobody takes it: both have been told.
      await send('x');
      for (const job of first) end(job);
      await comes(() => names(place, 'done').join() === first.join(), 'all that was in hand to end');
      await comes(() => latest()?.current === 0, 'both to go');
      expect(began('x')).toBe(false);
      expect(await redis.llen('celery')).toBe(1);

      await hold(1);
      await comes(() => began('x'), 'the next to begin');
      await hold(0);
      await comes(() => /^waiting for worker\.\d: 1 running/.test(said()), 'it to be waited for');
      await hold(1);
      await comes(() => !said().startsWith('waiting'), 'it to be kept');
      end('x');
      await comes(() => names(place, 'done').includes('x'), 'it to end');
      // Taken back: it works again.
      await send('y');
      await comes(() => began('y'), 'the last to begin');
      end('y');
      await hold(0);
      await comes(() => latest()?.current === 0, 'the last to go');
      expect(names(place, 'done')).toEqual([...first, 'x', 'y']);
      if (heroku)
        expect(heroku.stats()).toMatchObject({ killedRunning: 0, stoppedBusy: 0, killed: 0, crashed: 0 });
      redis.disconnect();
    },
    limitMs,
  );
});
