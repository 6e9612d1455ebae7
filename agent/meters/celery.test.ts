/**
 * The two Celery meters with real Python workers on real brokers. The truth is known on its own: so many jobs were sent, each marks its
 * start with a file, and ends when the test opens the gate.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'amqplib';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { has, type RedisServer, startRabbit, startRedis, temporaryFolder } from '../../checks/fixtures.ts';
import { killGroup, until } from '../../checks/servers.ts';
import { type AnyReading, celeryRabbit, celeryRedis, type Meter } from '../index.ts';

const patience = AbortSignal.timeout(600_000);

const probe = `
import json, os, sys, time
from celery import Celery

app = Celery('probe', broker=os.environ['PROBE_BROKER'])
app.conf.update(task_ignore_result=True, worker_prefetch_multiplier=2, **json.loads(os.environ['PROBE_SETTINGS']))

@app.task(bind=True, name='probe.block')
def block(self):
    open(os.environ['PROBE_MARK'] + '.' + self.request.id + '.started', 'w').close()
    while not os.path.exists(os.environ['PROBE_MARK'] + '.gate'):
        time.sleep(0.02)

if __name__ == '__main__':
    for _ in range(int(sys.argv[1])):
        block.apply_async(**json.loads(sys.argv[2]))
`;

interface Scene {
  send(count: number, options?: object): Promise<void>;
  worker(): ChildProcess;
  startedCount(): number;
  openGate(): void;
}

const folder = temporaryFolder('agent-celery');
const children = new Set<ChildProcess>();
let sceneCount = 0;

function sceneOn(broker: string, settings: object = {}): Scene {
  const mark = `scene-${sceneCount++}`;
  writeFileSync(join(folder.path, 'probe.py'), probe);
  const env = {
    ...process.env,
    PROBE_BROKER: broker,
    PROBE_SETTINGS: JSON.stringify(settings),
    PROBE_MARK: mark,
  };
  const python = (...args: string[]): ChildProcess => {
    const child = spawn(inject('servers').python, args, {
      cwd: folder.path,
      env,
      detached: true,
      stdio: 'ignore',
    });
    children.add(child);
    return child;
  };
  return {
    send: async (count, options = {}) => {
      const sender = python('probe.py', String(count), JSON.stringify(options));
      expect(await new Promise((resolve) => sender.once('exit', resolve))).toBe(0);
    },
    worker: () =>
      python(
        '-m',
        'celery',
        '-A',
        'probe',
        'worker',
        '-c',
        '2',
        '-n',
        `${mark}@%h`,
        '--without-gossip',
        '--without-mingle',
      ),
    startedCount: () =>
      readdirSync(folder.path).filter((name) => name.startsWith(`${mark}.`) && name.endsWith('.started'))
        .length,
    openGate: () => writeFileSync(join(folder.path, `${mark}.gate`), ''),
  };
}

const read = async (meter: Meter): Promise<AnyReading | undefined> => (await meter.read(patience))[0];

/** The meter comes to say this; until then a worker may be about to take something. */
async function says(meter: Meter, wanted: object): Promise<void> {
  let last: unknown;
  const matches = async (): Promise<boolean> => {
    last = await read(meter);
    return Object.entries(wanted).every(([key, value]) => Object(last)[key] === value);
  };
  await until(matches, 'it', 60_000).catch(() => undefined);
  expect(last).toMatchObject(wanted);
}

afterAll(() => {
  for (const child of children) killGroup(child);
  folder.remove();
});

describe.skipIf(!has('redisServer') || !has('python'))('Celery on Redis', () => {
  let server: RedisServer;
  const clients: Redis[] = [];
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(async () => {
    for (const client of clients) client.disconnect();
    await server.stop();
  });
  const meterOn = (database: number): Meter => {
    const redis = new Redis(`${server.url}/${database}`);
    clients.push(redis);
    return celeryRedis({ redis, queues: ['celery'], controlTimeoutMs: 5_000 });
  };

  test.each([
    ['acknowledged early', 0, false],
    ['acknowledged late', 1, true],
  ])('%s: in the list, held, running, later', async (_name, database, task_acks_late) => {
    const scene = sceneOn(`${server.url}/${database}`, { task_acks_late });
    const meter = meterOn(database);
    await says(meter, { kind: 'jobs', waiting: 0, running: 0, later: 0, oldestSeconds: 0 });
    await scene.send(9);
    await scene.send(1, { priority: 9 });
    await scene.send(1, { countdown: 3_600 });
    await says(meter, { waiting: 10, running: 0, later: 1 });
    const worker = scene.worker();
    await until(() => scene.startedCount() === 2, 'two jobs to run', 60_000);
    await says(meter, { waiting: 8, running: 2, later: 1 });
    scene.openGate();
    await says(meter, { waiting: 0, running: 0, later: 1, oldestSeconds: 0 });
    killGroup(worker);
  });

  test('a worker that is silent makes an empty queue unknown, and a full one lacks what runs', async () => {
    const scene = sceneOn(`${server.url}/2`);
    const redis = new Redis(`${server.url}/2`);
    clients.push(redis);
    const meter = celeryRedis({ redis, queues: ['celery'], controlTimeoutMs: 300 });
    const worker = scene.worker();
    await scene.send(1);
    await until(() => scene.startedCount() === 1, 'the job to run', 60_000);
    killGroup(worker, 'SIGSTOP');
    await says(meter, { kind: 'unknown' });
    expect(await read(meter)).toHaveProperty('why', expect.stringContaining('not every worker answered'));
    await scene.send(4);
    await says(meter, { kind: 'jobs' });
    const full = await read(meter);
    // Redis may hand one of them to the stopped worker, which was waiting for it.
    expect(full).toHaveProperty(
      'waiting',
      expect.toSatisfy((count: number) => count === 3 || count === 4),
    );
    expect(full).not.toHaveProperty('running');
    killGroup(worker);
    expect(await redis.keys('*.reply.celery.pidbox')).toEqual([]);
  });

  test('publish times give the oldest; large messages and strangers do no harm', async () => {
    const redis = new Redis(`${server.url}/3`);
    clients.push(redis);
    const at = Date.now();
    const message = (headers: object, body = 'W10='): string =>
      JSON.stringify({ body, headers: { task: 't', id: 'i', ...headers }, properties: {} });
    await redis.lpush(
      'celery',
      message({ run_at: new Date(at - 60_000).toISOString() }, 'x'.repeat(100_000)),
    );
    await redis.lpush('celery', 'no JSON', message({ run_at: new Date(at - 5_000).toISOString() }));
    await redis.hset(
      'unacked',
      'a',
      JSON.stringify([JSON.parse(message({ run_at: at / 1_000 - 90 })), '', 'celery']),
    );
    await redis.hset('unacked', 'b', JSON.stringify([{}, '', 'another']), 'c', 'no JSON');
    const meter = celeryRedis({ redis, queues: ['celery'], now: () => at });
    const reading = await read(meter);
    expect(reading).toMatchObject({ kind: 'jobs', waiting: 4, running: 0, later: 0 });
    expect(Object(reading).oldestSeconds).toBeCloseTo(90, 0);
  });

  test('node-redis speaks by sendCommand; a server that is gone is unknown', async () => {
    const redis = new Redis(`${server.url}/4`, { retryStrategy: () => null, enableOfflineQueue: false });
    clients.push(redis);
    redis.on('error', () => undefined);
    await new Promise((resolve) => redis.once('ready', resolve));
    const sendCommand = ([command = '', ...args]: string[]): Promise<unknown> => redis.call(command, ...args);
    const meter = celeryRedis({ redis: { sendCommand, options: { database: 4 } }, queues: ['celery'] });
    await says(meter, { kind: 'jobs', waiting: 0, running: 0 });
    redis.disconnect();
    await says(meter, { kind: 'unknown' });
  });
});

describe.skipIf(!has('rabbitmq') || !has('python'))('Celery on RabbitMQ', () => {
  test('ready, held, running, later; silent; no queue', async () => {
    const server = await startRabbit();
    const connection = await connect(server.url);
    connection.on('error', () => undefined);
    const meter = celeryRabbit({ connection, queues: ['celery'], controlTimeoutMs: 5_000 });
    try {
      expect(await read(meter)).toMatchObject({
        kind: 'unknown',
        why: expect.stringContaining("no queue 'celery'"),
      });
      const scene = sceneOn(server.url);
      // Before the others: while it is in the queue nobody can see that it is for later.
      await scene.send(1, { countdown: 3_600 });
      await scene.send(9);
      await says(meter, { kind: 'jobs', waiting: 10, running: 0, later: 0 });
      const worker = scene.worker();
      await until(() => scene.startedCount() === 2, 'two jobs to run', 60_000);
      await says(meter, { waiting: 7, running: 2, later: 1 });
      const impatient = celeryRabbit({
        connection: async () => connection,
        queues: ['celery'],
        controlTimeoutMs: 300,
      });
      killGroup(worker, 'SIGSTOP');
      const reading = await read(impatient);
      expect(reading).not.toHaveProperty('running');
      killGroup(worker, 'SIGCONT');
      scene.openGate();
      await says(meter, { waiting: 0, running: 0, later: 1, oldestSeconds: 0 });
      killGroup(worker, 'SIGSTOP');
      expect(await read(impatient)).toMatchObject({
        kind: 'unknown',
        why: expect.stringContaining('fewer than its 1 workers answered'),
      });
      killGroup(worker);
    } finally {
      await connection.close().catch(() => undefined);
      await server.stop();
    }
    await says(meter, { kind: 'unknown' });
  });
});
