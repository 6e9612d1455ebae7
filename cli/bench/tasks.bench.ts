/**
 * `npm run bench -- tasks [--quick] [--count 20000] [--runs 5] [--only redis|rabbitmq] [--soak N] [--eta N] [--json]`:
 * no-op tasks through ours, Python's Celery and BullMQ, on the same private Redis and RabbitMQ, in turns, so that a busy
 * machine hits all of them. A rate counts from the first task that left the broker to the last; the processor time is that of
 * the worker's process tree in between, for RabbitMQ seen from the count of ready messages. Medians of the runs.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createApp } from '@headcount/tasks';
import { Redis } from 'ioredis';
import { type Contender, contenders, type Job, limitName, playRole } from './contenders.ts';
import { cpuSeconds, type Place, residentMegabytes, startRabbit, startRedis } from './places.ts';

const { values } = parseArgs({
  options: {
    role: { type: 'string' },
    quick: { type: 'boolean', default: false },
    count: { type: 'string' },
    runs: { type: 'string' },
    only: { type: 'string' },
    soak: { type: 'string' },
    eta: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});

interface Figure {
  readonly perSecond: number;
  /** Microseconds of processor time per task. */
  readonly cpuMicroseconds: number;
}
type Figures = Map<Contender, Record<Job, Figure[]>>;

const count = Number(values.count ?? (values.quick ? 4_000 : 20_000));
const runs = Number(values.runs ?? (values.quick ? 2 : 5));
const drainLimitMs = 180_000;

if (values.role) {
  const [kind = '', job = 'worker', url = '', many = '0'] = values.role.split(' ');
  await playRole(kind, job as Job, url, Number(many));
} else {
  await main();
}

async function main(): Promise<void> {
  const redis = await startRedis();
  const rabbit = values.only === 'redis' || values.soak || values.eta ? undefined : await startRabbit();
  try {
    if (values.soak) await soak(redis, Number(values.soak));
    else if (values.eta) await etas(redis, Number(values.eta));
    else await compare(redis, rabbit);
  } finally {
    redis.stop();
    rabbit?.stop();
  }
}

async function compare(redis: Place, rabbit: Place | undefined): Promise<void> {
  const present = contenders.filter(({ kind, broker }) => {
    if ((kind === 'celery' || kind === 'confirmed') && !hasCelery()) return false;
    if (broker === 'RabbitMQ') return rabbit !== undefined;
    return values.only !== 'rabbitmq';
  });
  const figures: Figures = new Map(present.map((one) => [one, { one: [], bulk: [], worker: [] }]));
  for (let run = 0; run < runs; run++)
    for (const [contender, found] of figures) {
      const place = contender.broker === 'Redis' ? redis : rabbit;
      if (!place) continue;
      await empty(place);
      if (contender.jobs.includes('bulk')) found.bulk.push(send(contender, 'bulk', place));
      await empty(place);
      found.one.push(send(contender, 'one', place));
      const worked = contender.jobs.includes('worker') ? await drain(contender, place) : undefined;
      if (worked) found.worker.push(worked);
      process.stderr.write(`run ${run + 1} of ${runs}: ${contender.broker}, ${contender.name}\n`);
    }
  print(figures);
}

function send(contender: Contender, job: Job, place: Place): Figure {
  const { file, args, cwd } = contender.command(job, place.url, count);
  const text = execFileSync(file, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  const {
    seconds,
    cpuSeconds: cpu,
    ...timed
  } = JSON.parse(text) as Record<'count' | 'seconds' | 'cpuSeconds', number>;
  return { perSecond: timed.count / seconds, cpuMicroseconds: (cpu * 1e6) / timed.count };
}

/** Undefined when it did not come to an end. */
async function drain(contender: Contender, place: Place): Promise<Figure | undefined> {
  const left = counter(contender, place);
  const worker = start(contender.command('worker', place.url, 0));
  const pid = worker.pid ?? 0;
  try {
    const end = Date.now() + drainLimitMs;
    const first = await when(left, (now) => now < count, end);
    const cpuBefore = cpuSeconds(pid) ?? Number.NaN;
    const last = await when(left, (now) => now === 0, end);
    if (!first || !last) return undefined;
    const cpu = (cpuSeconds(pid) ?? Number.NaN) - cpuBefore;
    return {
      perSecond: first.left / ((last.ms - first.ms) / 1000),
      cpuMicroseconds: (cpu * 1e6) / first.left,
    };
  } finally {
    await stop(worker);
    await left.close();
  }
}

interface Counter {
  read(): Promise<number>;
  close(): Promise<unknown>;
}

/** How many tasks are not finished. */
function counter({ kind, broker }: Contender, { url }: Place): Counter {
  if (broker === 'RabbitMQ') {
    const app = createApp({ broker: url, results: false });
    return { read: async () => (await app.depth('celery')).waiting, close: () => app.close() };
  }
  const redis = new Redis(url);
  const sum = async (commands: [string, string][]): Promise<number> =>
    ((await redis.multi(commands).exec()) ?? []).reduce((total, [, value]) => total + Number(value), 0);
  return {
    read: () =>
      kind === 'bullmq'
        ? sum([
            ['llen', 'bull:bench:wait'],
            ['llen', 'bull:bench:active'],
          ])
        : sum([
            ['llen', 'celery'],
            ['hlen', 'unacked'],
          ]),
    close: () => redis.quit(),
  };
}

async function when(
  counting: Counter,
  reached: (left: number) => boolean,
  end: number,
): Promise<{ ms: number; left: number } | undefined> {
  while (Date.now() < end) {
    const left = await counting.read();
    if (reached(left)) return { ms: performance.now(), left };
    await pause(4);
  }
  return undefined;
}

async function empty(place: Place): Promise<void> {
  if (place.url.startsWith('redis:')) {
    const redis = new Redis(place.url);
    await redis.flushall();
    await redis.quit();
    return;
  }
  const { connect } = await import('amqplib');
  const connection = await connect(place.url);
  await (await connection.createChannel()).deleteQueue('celery');
  await connection.close();
}

function print(figures: Figures): void {
  const rows = [...figures].map(([{ name, broker }, found]) => ({
    broker,
    name,
    one: median(found.one),
    bulk: median(found.bulk),
    worker: median(found.worker),
  }));
  console.log(
    `${count} no-op tasks, medians of ${runs}; tasks per second (microseconds of processor time each)\n`,
  );
  const cell = (figure: Figure | undefined): string =>
    figure ? `${grouped(figure.perSecond)} (${Math.round(figure.cpuMicroseconds)} us)` : '-';
  const line = (...cells: string[]): string =>
    cells.map((text, i) => (i < 2 ? text.padEnd(i ? 24 : 10) : text.padStart(20))).join('');
  console.log(line('broker', 'who', 'sent one by one', 'sent in bulk', 'worked on'));
  for (const row of rows)
    console.log(line(row.broker, row.name, cell(row.one), cell(row.bulk), cell(row.worker)));
  const ratios = rows.flatMap((ours) =>
    ours.name.startsWith('Headcount')
      ? rows
          .filter(
            (row) =>
              row.broker === ours.broker && !row.name.startsWith('Headcount') && row.name !== limitName,
          )
          .map((other) => ({
            broker: ours.broker,
            who: ours.name,
            than: other.name,
            one: ratio(ours.one, other.one),
            bulk: ratio(ours.bulk, other.bulk ?? other.one),
            worker: ratio(ours.worker, other.worker),
          }))
      : [],
  );
  console.log('');
  const times = (value: number | null): string => (value === null ? '-' : `${value.toFixed(1)}x`);
  for (const { broker, who, than, one, bulk, worker } of ratios)
    console.log(
      line(
        broker,
        `${who.split(', ').at(-1)} : ${than.split(',')[0]}`,
        times(one),
        times(bulk),
        times(worker),
      ),
    );
  const limit = limitOf(figures);
  if (limit) console.log(`\n${limit.text}`);
  if (values.json) console.log(JSON.stringify({ count, runs, rows, ratios, limit }));
}

/** What nobody who waits for each answer of Redis can be quicker than here, and how near ours comes. */
function limitOf(figures: Figures): { text: string; ours: number; celery: number | null } | undefined {
  const one = (kind: Contender['kind']): Figure | undefined =>
    median([...figures].find(([known]) => known.broker === 'Redis' && known.kind === kind)?.[1].one ?? []);
  const bare = one('bare');
  const ours = ratio(one('ours'), bare);
  if (!bare || ours === null) return undefined;
  const celery = ratio(bare, one('celery'));
  return {
    text:
      `one by one on Redis: a bare LPUSH of as many bytes, awaited, reaches ${grouped(bare.perSecond)} a second here; ` +
      `ours is ${Math.round(100 * ours)} % of it` +
      (celery === null ? '' : `, and it is itself ${celery.toFixed(1)}x Celery's calls`),
    ours,
    celery,
  };
}

function median(found: readonly Figure[]): Figure | undefined {
  const sorted = [...found].sort((a, b) => a.perSecond - b.perSecond);
  return sorted[Math.floor((sorted.length - 1) / 2)];
}

function ratio(a: Figure | undefined, b: Figure | undefined): number | null {
  return a && b ? a.perSecond / b.perSecond : null;
}

/** A million tasks through one worker; its memory must not grow. */
async function soak(place: Place, total: number): Promise<void> {
  const app = createApp({ broker: place.url, results: false });
  const worker = start(oursOnRedis().command('worker', place.url, 0));
  const pid = worker.pid ?? 0;
  const samples: { done: number; megabytes: number }[] = [];
  await pause(2_000);
  const idle = residentMegabytes(pid);
  const noop = app.task('bench.noop', (_context, _i: number) => {});
  const redis = counter(oursOnRedis(), place);
  for (let done = 0; done < total; ) {
    for (let i = 0; i < 10; i++) await noop.delayMany(new Array(1_000).fill([1]));
    done += 10_000;
    await when(redis, (left) => left < 10_000, Date.now() + drainLimitMs);
    samples.push({ done, megabytes: residentMegabytes(pid) });
  }
  await when(redis, (left) => left === 0, Date.now() + drainLimitMs);
  await stop(worker);
  await redis.close();
  await app.close();
  // The first third fills the heap to what it needs.
  const settled = samples.slice(Math.floor(samples.length / 3));
  const slope = slopeOf(settled.map(({ done, megabytes }) => [done / 1e6, megabytes]));
  const last = samples.at(-1)?.megabytes ?? Number.NaN;
  console.log(`worker: ${idle.toFixed(0)} MB idle, ${last.toFixed(0)} MB after ${grouped(total)} tasks`);
  console.log(`slope over the last two thirds: ${slope.toFixed(1)} MB per million tasks`);
  if (values.json) console.log(JSON.stringify({ total, idleMegabytes: idle, lastMegabytes: last, slope }));
}

/** So many tasks that are due in an hour, then some that are due now. */
async function etas(place: Place, waiting: number): Promise<void> {
  const due = 1_000;
  const app = createApp({ broker: place.url, results: false });
  const noop = app.task('bench.noop', (_context, _i: number) => {});
  for (let sent = 0; sent < waiting; sent += 1_000)
    await noop.delayMany(new Array(Math.min(1_000, waiting - sent)).fill([1]), { countdown: 3_600 });
  await noop.delayMany(new Array(due).fill([1]));
  const worker = start(oursOnRedis().command('worker', place.url, 0));
  const started = performance.now();
  const redis = counter(oursOnRedis(), place);
  const done = await when(redis, (left) => left === waiting, Date.now() + drainLimitMs);
  const megabytes = residentMegabytes(worker.pid ?? 0);
  await stop(worker);
  await redis.close();
  await app.close();
  const seconds = done ? (done.ms - started) / 1000 : null;
  const flow =
    seconds === null ? 'were NOT done' : `were done ${seconds.toFixed(1)} s after the worker's start`;
  console.log(
    `${grouped(waiting)} tasks wait for their time; ${due} behind them ${flow}; ${megabytes.toFixed(0)} MB`,
  );
  if (values.json) console.log(JSON.stringify({ waiting, due, seconds, megabytes }));
}

function oursOnRedis(): Contender {
  const [first] = contenders;
  return first as Contender;
}

/** Least squares. */
function slopeOf(points: readonly (readonly [x: number, y: number])[]): number {
  const mean = (of: (point: readonly [number, number]) => number): number =>
    points.reduce((sum, point) => sum + of(point), 0) / points.length;
  const x = mean(([value]) => value);
  const y = mean(([, value]) => value);
  const covariance = mean(([a, b]) => (a - x) * (b - y));
  return covariance / mean(([a]) => (a - x) ** 2);
}

function start({ file, args, cwd }: ReturnType<Contender['command']>): ChildProcess {
  // A group of its own, so that its children end with it.
  return spawn(file, args, { cwd, stdio: ['ignore', 'ignore', 'inherit'], detached: true });
}

/** Celery's prefork may hang in its own warm stop; the queue is empty, so nothing is lost by the hard way. */
async function stop(worker: ChildProcess): Promise<void> {
  if (worker.exitCode !== null) return;
  const gone = new Promise((resolve) => worker.once('exit', resolve));
  worker.kill('SIGTERM');
  const hard = setTimeout(() => process.kill(-(worker.pid ?? 0), 'SIGKILL'), 5_000);
  await gone;
  clearTimeout(hard);
}

function hasCelery(): boolean {
  try {
    execFileSync('/usr/bin/python3', ['-c', 'import celery, redis'], { stdio: 'ignore' });
    return true;
  } catch {
    process.stderr.write(
      "Python's Celery is missing (apt-get install python3-celery python3-redis): left out\n",
    );
    return false;
  }
}

function grouped(value: number): string {
  return Math.round(value).toLocaleString('en');
}
