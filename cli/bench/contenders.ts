/**
 * Who runs in the bench of tasks: ours, Python's Celery, BullMQ. Each is a set of commands, run in processes of their own
 * so that none has the caches or the garbage of another: `one` and `bulk` send COUNT no-op tasks and print a line of
 * JSON `{count, seconds, cpuSeconds}`; `worker` works until it is killed. The first quarter is sent before the clock starts, by all
 * of them: a program that was just started compiles its code meanwhile, which with 4,000 tasks is most of what is seen.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createApp } from '@headcount/tasks';

export type Job = 'one' | 'bulk' | 'worker';

export interface Contender {
  readonly name: string;
  readonly broker: 'Redis' | 'RabbitMQ';
  readonly kind: 'ours' | 'later' | 'unconfirmed' | 'celery' | 'confirmed' | 'bullmq' | 'bare';
  readonly jobs: readonly Job[];
  command(job: Job, url: string, count: number): { file: string; args: string[]; cwd?: string };
}

const bulkSize = 500;
/** As long as a message of the no-op task is. */
const bareBytes = 890;
/** BullMQ is at its best here; ours needs no more than a few, but gets the same. */
const concurrency = 100;

/** No client that waits for each answer can be quicker in the long run. */
export const limitName = 'bare LPUSH, no client';

export const contenders: readonly Contender[] = (['Redis', 'RabbitMQ'] as const).flatMap((broker) => [
  { name: 'Headcount', broker, kind: 'ours', jobs: ['one', 'bulk', 'worker'], command: self('ours') },
  // By default ours waits for the broker's word that it has the message, and Celery does not.
  ...(broker === 'RabbitMQ'
    ? ([
        {
          name: 'Headcount, confirmed later',
          broker,
          kind: 'later',
          jobs: ['one', 'bulk'],
          command: self('later'),
        },
        {
          name: 'Headcount, unconfirmed',
          broker,
          kind: 'unconfirmed',
          jobs: ['one', 'bulk'],
          command: self('unconfirmed'),
        },
      ] as const)
    : []),
  { name: 'Celery, prefork -c 2', broker, kind: 'celery', jobs: ['one', 'worker'], command: python(false) },
  ...(broker === 'RabbitMQ'
    ? ([
        {
          name: 'Celery, confirm_publish',
          broker,
          kind: 'confirmed',
          jobs: ['one'],
          command: python(true),
        },
      ] as const)
    : []),
  ...(broker === 'Redis'
    ? ([
        {
          name: `BullMQ, concurrency ${concurrency}`,
          broker,
          kind: 'bullmq',
          jobs: ['one', 'bulk', 'worker'],
          command: self('bullmq'),
        },
        { name: limitName, broker, kind: 'bare', jobs: ['one'], command: self('bare') },
      ] as const)
    : []),
]);

export async function playRole(kind: string, job: Job, url: string, count: number): Promise<void> {
  if (kind === 'bullmq') await bullmq(job, url, count);
  else if (kind === 'bare') await bare(url, count);
  else await ours(job, url, count, kind === 'later' ? 'later' : kind !== 'unconfirmed');
}

function self(kind: string): Contender['command'] {
  return (job, url, count) => ({
    file: process.execPath,
    args: [process.argv[1] ?? '', '--role', `${kind} ${job} ${url} ${count}`],
  });
}

function python(confirms: boolean): Contender['command'] {
  let folder: string | undefined;
  return (job, url, count) => {
    folder ??= celeryFolder();
    const worker =
      '-m celery -A bench worker -P prefork -c 2 -l ERROR --without-gossip --without-mingle --without-heartbeat';
    const args = job === 'worker' ? worker.split(' ') : ['-c', `import bench; bench.send(${count})`];
    return {
      file: 'env',
      args: [
        `BROKER=${url}`,
        `CONFIRMS=${confirms ? 1 : ''}`,
        'C_FORCE_ROOT=1',
        '/usr/bin/python3',
        '-W',
        'ignore',
        ...args,
      ],
      cwd: folder,
    };
  };
}

function celeryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'headcount-bench-python-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const text = `
import json, os, resource, time
from celery import Celery
app = Celery('bench', broker=os.environ['BROKER'])
app.conf.task_ignore_result = True
if os.environ['CONFIRMS']:
    app.conf.broker_transport_options = dict(confirm_publish=True)

@app.task(name='bench.noop')
def noop(i):
    pass

def send(count):
    for i in range(count // 4):
        noop.delay(i)
    before, start = resource.getrusage(resource.RUSAGE_SELF), time.time()
    for i in range(count - count // 4):
        noop.delay(i)
    seconds, after = time.time() - start, resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(json.dumps(dict(count=count - count // 4, seconds=seconds, cpuSeconds=cpu)))
`;
  writeFileSync(join(folder, 'bench.py'), text);
  return folder;
}

async function ours(job: Job, url: string, count: number, confirms: boolean | 'later'): Promise<void> {
  const app = createApp({ broker: url, results: false, ignoreResult: true, rabbitmq: { confirms } });
  const noop = app.task('bench.noop', (_context, _i: number) => {});
  if (job === 'worker') return await app.worker({ concurrency }).run({ handleSignals: true });
  await timed(count, async (some, last) => {
    if (job === 'one') for (let i = 0; i < some; i++) await noop.delay(i);
    else for (const size of chunks(some)) await noop.delayMany(new Array(size).fill([1]));
    // What is confirmed later counts when it is confirmed.
    if (last && confirms === 'later') await app.close();
  });
  await app.close();
}

async function bullmq(job: Job, url: string, count: number): Promise<void> {
  const { Queue, Worker } = await import('bullmq');
  const { port } = new URL(url);
  const connection = { host: '127.0.0.1', port: Number(port), maxRetriesPerRequest: null };
  const keep = { removeOnComplete: true };
  if (job === 'worker') {
    new Worker('bench', async () => {}, { connection, concurrency });
    return;
  }
  const queue = new Queue('bench', { connection, defaultJobOptions: keep });
  await timed(count, async (some) => {
    if (job === 'one') for (let i = 0; i < some; i++) await queue.add('noop', { i });
    else
      for (const size of chunks(some))
        await queue.addBulk(Array.from({ length: size }, () => ({ name: 'noop', data: { i: 1 } })));
  });
  await queue.close();
}

/**
 * A message of ours, made before the clock starts, over a socket of Node: what is left is the way to Redis and back. Asleep
 * until the answer and awake, of which the quicker counts: which that is depends on what else the machine does.
 */
async function bare(url: string, count: number): Promise<void> {
  const ways = [await bareWay(url, count, false), await bareWay(url, count, true)];
  ways.sort((a, b) => a.seconds - b.seconds);
  console.log(JSON.stringify(ways[0]));
}

async function bareWay(url: string, count: number, awake: boolean): Promise<Timed> {
  const message = 'm'.repeat(bareBytes);
  const command = `*3\r\n$5\r\nLPUSH\r\n$4\r\nbare\r\n$${bareBytes}\r\n${message}\r\n`;
  const socket = connect(Number(new URL(url).port), '127.0.0.1').setNoDelay(true);
  let answered = (): void => {};
  let ended = false;
  socket.on('data', () => answered());
  const turn = (): void => {
    if (!ended) setImmediate(turn);
  };
  if (awake) turn();
  const timed = await timing(count, async (some) => {
    for (let i = 0; i < some; i++)
      await new Promise<void>((resolve) => {
        answered = resolve;
        socket.write(command, 'latin1');
      });
  });
  ended = true;
  socket.destroy();
  return timed;
}

interface Timed {
  readonly count: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
}

type Send = (some: number, last: boolean) => Promise<void>;

async function timed(all: number, send: Send): Promise<void> {
  console.log(JSON.stringify(await timing(all, send)));
}

async function timing(all: number, send: Send): Promise<Timed> {
  const first = Math.floor(all / 4);
  await send(first, false);
  const before = process.cpuUsage();
  const start = performance.now();
  await send(all - first, true);
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(before);
  return { count: all - first, seconds, cpuSeconds: (user + system) / 1e6 };
}

function chunks(count: number): number[] {
  return Array.from({ length: Math.ceil(count / bulkSize) }, (_, i) =>
    Math.min(bulkSize, count - i * bulkSize),
  );
}
